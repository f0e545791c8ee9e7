// Every rule of the suite, once: the documents, the reports and the tests read this table.
#include "src/conformance/rules.h"

#include "infer/conformance.h"

namespace infer {
inline namespace v0 {
namespace {

constexpr Rule kRules[] = {
    // The file and its table.
    {"entry.missing", "The file opens and exports infer_plugin_v1.",
     "define INFER_PLUGIN_ENTRY with INFER_EXPORT (plugin.h declares it) and link what it needs"},
    {"symbols.extra", "Nothing but the entry is exported.",
     "compile with -fvisibility=hidden, link static libraries with -Wl,--exclude-libs,ALL"},
    {"abi.version", "The entry gives a table of the ABI it was asked for.",
     "return a table whose abi is INFER_ABI for host_abi == INFER_ABI"},
    {"abi.unknown", "For an ABI it does not know the entry gives NULL.",
     "compare host_abi with INFER_ABI and return NULL where they differ"},
    {"table.constant", "The entry gives the same table each time.",
     "return the address of a static const infer_plugin"},
    {"table.incomplete", "The table has a size, names and every function but probe.",
     "set size, name, version, licence and all functions; only probe may be NULL"},
    {"init.failed", "init succeeds on a machine that can run the plugin.",
     "return INFER_OK, or an error that says what the machine lacks"},

    // Models.
    {"load.failed", "The named model loads, and a table entry comes out of it.",
     "see the message; name a model and its files that the plugin can load"},
    {"load.again", "A model loads twice at once, and again after unload.",
     "keep what belongs to a model in infer_model, not in globals"},
    {"load.config", "An unknown key of the config is INFER_E_INVALID_REQUEST naming the key.",
     "walk all members of infer_load.config and refuse those you do not know"},
    {"load.bad_config", "A config that is not JSON is INFER_E_INVALID_REQUEST.",
     "check the JSON of infer_load.config before using it"},
    {"load.cancel", "A load whose progress callback says stop ends with INFER_E_CANCELLED.",
     "return INFER_E_CANCELLED as soon as progress gives non-zero"},
    {"describe.json", "describe gives a JSON object as docs/formats/model-info.md has it.",
     "name is a string, tasks an array, capabilities an object; leave out what is not known"},
    {"describe.stable", "describe gives the same text each time.",
     "write it once, at load, and keep it as long as the model"},

    // Requests.
    {"open.failed", "A plain request is accepted and answered to its end.",
     "see the message; a user message with text, or a prompt of a picture, must be answered"},
    {"open.threads", "open works from several threads at once.",
     "guard what the sources of a model share"},
    {"open.waits", "open checks and queues; it never waits.",
     "do the work on the engine's thread, or step by step in next"},
    {"request.unknown_key", "Keys of a request that the plugin does not know are passed over.",
     "refuse only keys that you know and cannot honour"},
    {"request.bad_json", "A request that is not JSON is INFER_E_INVALID_REQUEST.",
     "check infer_open.request before using it"},
    {"request.task", "An unknown task is INFER_E_UNSUPPORTED.",
     "refuse every infer_open.task that you do not know"},
    {"request.empty", "A request without words is answered, or refused as invalid.",
     "return INFER_E_INVALID_REQUEST where there is nothing to answer"},
    {"request.long", "A very long prompt is answered, or refused as too long.",
     "return INFER_E_CONTEXT_OVERFLOW with both sizes, or INFER_E_TOO_LARGE"},
    {"limit.max_tokens", "max_tokens is honoured, or refused as unsupported.",
     "stop after max_tokens tokens and finish with LENGTH"},
    {"limit.stop", "stop is honoured, or refused as unsupported.",
     "end before the stop text and finish with STOP_SEQUENCE; the text must not contain it"},
    {"limit.n", "n answers come, or n is refused as unsupported.",
     "give each answer its choice and its FINISH, or refuse n above 1"},
    {"limit.logprobs", "logprobs come, or are refused as unsupported.",
     "fill in logprobs of the deltas, or refuse the key"},
    {"limit.output", "A JSON answer is JSON, or output is refused as unsupported.",
     "constrain the sampling to JSON, or refuse the key"},
    {"limit.tools", "A required tool is called, or tools are refused as unsupported.",
     "give a TOOL_CALL part, or refuse tools and tool_choice"},

    // Requests for pictures.
    {"request.range", "Sizes, counts and steps of nothing or beyond measure are refused.",
     "return INFER_E_INVALID_REQUEST, INFER_E_UNSUPPORTED or INFER_E_TOO_LARGE, naming the field"},
    {"request.blob", "A blob that is not there is INFER_E_INVALID_REQUEST.",
     "hold the index against infer_open.n_blobs, or refuse media as unsupported"},
    {"picture.count", "n pictures come, or n is refused as unsupported.",
     "send one MEDIA a picture, or refuse n above 1"},
    {"picture.size", "Pictures have the size that was asked for, or it is refused.",
     "paint width x height, or refuse what the model cannot paint and say what it can"},
    {"picture.format", "Pictures have the format that was asked for, or it is refused.",
     "give pixels, which the host encodes, or the files that were asked for, or refuse the key"},
    {"picture.seed", "The same seed gives the same picture.",
     "draw all random numbers of a picture from its seed"},
    {"picture.preview", "Previews come only where they were asked for.",
     "look at previews of the request"},

    // What next returns.
    {"next.waits", "next never waits: it takes no longer than one step of bookkeeping.",
     "return INFER_PENDING and call wake from the engine's thread"},
    {"next.result", "next returns EVENT, PENDING, END or an error code of plugin.h.",
     "return only the values that plugin.h names"},
    {"wake.missing", "After PENDING there is a wake.",
     "call wake once something is there; it may come before next has returned PENDING"},
    {"wake.after_close", "No wake comes after close has returned.",
     "forget wake in close, under the lock that guards the call of it"},
    {"end.final", "After END or an error next says the same for ever.",
     "keep the result in the source"},

    // The grammar of a reply.
    {"start.missing", "The first event is START.", "send START before anything else"},
    {"start.twice", "START comes once.", "send START once"},
    {"part.delta_before_begin", "A delta belongs to a part that has begun.",
     "send PART_BEGIN before the first DELTA of a part"},
    {"part.after_end", "Nothing of a part comes after its PART_END.",
     "begin a new part with the next index"},
    {"part.index", "Parts are counted 0, 1, 2 in their choice; a delta names the open one.",
     "count PART_BEGINs of each choice and put the index in all events of the part"},
    {"part.kind", "A part has a known kind, the same from PART_BEGIN to PART_END.",
     "set part_kind in all three events of a part"},
    {"part.left_open", "A part ends before the next begins, and before FINISH.",
     "send PART_END for every PART_BEGIN"},
    {"choice.index", "choice is below the number of answers asked for.",
     "count choices from 0; without n there is one"},
    {"usage.shrinks", "Figures of usage never shrink, and none is negative.",
     "report totals so far, not differences; a figure once known stays known"},
    {"usage.empty", "A USAGE event carries a usage, with size set and known bits only.",
     "point usage to an infer_usage that lives until the next call"},
    {"text.split_utf8", "Every delta is whole, valid UTF-8.",
     "keep the bytes of an unfinished character until the rest is there"},
    {"text.changed", "A model that repeats its prompt gives it back character by character.",
     "decode all escapes of JSON, surrogate pairs included"},
    {"embed.rows", "An embedding request gives one VECTORS event of f32, a row an input.",
     "set blob: INFER_F32, height = inputs, width = dimensions, and the bytes of all of them"},
    {"progress.steps", "A step is at most its steps, and never falls while they stay the same.",
     "count the steps of the whole reply"},
    {"picture.bytes", "A picture is whole rows of pixels, or a file that says what it is.",
     "set blob: INFER_U8 with width, height, channels 1, 3 or 4, a stride that holds a row and "
     "bytes = height * stride; or INFER_BYTES with bytes and mime"},
    {"event.view", "A view with a size points to something; counts have their arrays.",
     "set data and size together"},
    {"event.kind", "An event has a kind.", "fill in the event before returning INFER_EVENT"},
    {"finish.missing", "Every choice ends with a FINISH before END.",
     "send FINISH with its reason for each choice"},
    {"finish.twice", "A choice finishes once.", "send one FINISH a choice"},
    {"finish.after", "Nothing comes after the last FINISH, nor of a choice after its own.",
     "send usage and warnings before the last FINISH"},
    {"finish.reason", "FINISH says why.", "set finish to one of INFER_FIN_*"},

    // Errors.
    {"error.no_message", "Every error has a message.",
     "write what was wrong, with what, and what to do into infer_error.message"},
    {"error.message", "A message is one NUL-terminated line of UTF-8.",
     "cut at a character, end with NUL, leave out line feeds"},
    {"error.unset", "An error is filled in whole: it comes with nothing but its size set.",
     "start from a zeroed infer_error of your own and copy it, as fail() of the echo plugin does"},
    {"error.details", "details is empty or JSON.", "escape what you put into details"},

    // Cancel, close, many at once.
    {"cancel.ignored", "After cancel next ends with INFER_E_CANCELLED, within a step.",
     "look at the flag first thing in next; what is still queued is dropped"},
    {"cancel.reason", "The error after a stop has the reason of the stop.",
     "return StopToken::reason as the code (Watch does it)"},
    {"cancel.waits", "cancel never waits.", "set a flag and return"},
    {"close.waits", "close never waits for the engine.",
     "hand the sequence back to the engine's thread and return"},
    {"close.early", "A source may be closed at any time, and the model goes on answering.",
     "free everything in close, whatever the source was doing"},
    {"sources.mix", "Sources of one model do not disturb each other.",
     "keep what belongs to a request in infer_source"},

    // The process.
    {"size.overrun", "Out structs are written only below the smaller of both sizes.",
     "copy min(size, sizeof) bytes, as give() of the echo plugin does"},
    {"output.silent", "Nothing is written to stdout and stderr.",
     "give lines to infer_host.log instead"},
    {"process.state", "Signal handlers, locale and working directory stay as they are.",
     "leave them to the program"},
    {"unload.threads", "After unload of the last model no thread of the plugin is left.",
     "stop and join the engine's threads in unload"},
    {"unload.budget", "Threads that cpu_acquire granted are given back by the last unload.",
     "call cpu_release with what cpu_acquire gave"},
};

}  // namespace

std::span<const Rule> conformance_rules() noexcept { return kRules; }

const Rule* find_rule(std::string_view name) noexcept {
  for (const Rule& rule : kRules)
    if (rule.name == name) return &rule;
  return nullptr;
}

Finding finding_of(std::string_view rule, std::string what) {
  const Rule* known = find_rule(rule);
  return {std::string(rule), std::move(what), std::string(known ? known->fix : "")};
}

std::string Report::to_text() const {
  std::string text;
  for (const Finding& finding : findings)
    text += "broken  " + finding.rule + "\n    rule: " +
            std::string(find_rule(finding.rule) ? find_rule(finding.rule)->sentence : "") +
            "\n    seen: " + finding.what + "\n    do:   " + finding.fix + "\n";
  for (const auto& [rule, why] : skipped) text += "skipped " + rule + ": " + why + "\n";
  text += subject + ": " + (ok() ? "passes" : "fails") + ": " + std::to_string(passed.size()) +
          " rules held, " + std::to_string(findings.size()) + " broken, " +
          std::to_string(skipped.size()) + " not looked at\n";
  return text;
}

}  // namespace v0
}  // namespace infer
