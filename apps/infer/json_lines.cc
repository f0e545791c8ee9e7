#include "apps/infer/json_lines.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <string_view>
#include <variant>

#include "apps/infer/json_text.h"
#include "infer/media.h"
#include "infer/model.h"
#include "src/core/json.h"
#include "src/core/utf8.h"

namespace infer::cli {

void append_usage(std::string& out, const Usage& usage) {
  Object o(out);
  const auto count = [&](const char* name, const std::optional<std::int64_t>& value) {
    if (value) o.number(name, *value);
  };
  const auto time = [&](const char* name, const std::optional<std::chrono::nanoseconds>& value) {
    if (value)
      append_number(o.key(name), std::chrono::duration<double, std::milli>(*value).count());
  };
  count("input", usage.input);
  count("cache_read", usage.cache_read);
  count("cache_write", usage.cache_write);
  count("output", usage.output);
  count("reasoning", usage.reasoning);
  time("queue_ms", usage.timing.queue);
  time("connect_ms", usage.timing.connect);
  time("prefill_ms", usage.timing.prefill);
  time("first_ms", usage.timing.first);
  time("decode_ms", usage.timing.decode);
  o.text_if("raw", usage.raw);
  o.close();
}

namespace {

// Where in the answer an event belongs.
void place(Object& o, const Event& event) {
  o.number("choice", event.choice);
  o.number("part", event.part);
}

void append_candidate(std::string& out, const TokenLogprob& candidate,
                      std::span<const TokenLogprob> top) {
  Object o(out);
  if (candidate.token >= 0) o.number("token", candidate.token);
  append_number(o.key("logprob"), candidate.logprob);
  o.text("text", candidate.bytes);
  if (core::utf8_error(candidate.bytes) != core::kValidUtf8)
    append_base64(o.key("base64"), candidate.bytes);
  if (!top.empty()) {
    std::string& list = o.key("top");
    list += '[';
    for (const TokenLogprob& other : top) {
      if (&other != &top.front()) list += ',';
      append_candidate(list, other, {});
    }
    list += ']';
  }
  o.close();
}

// The tokens of a delta, each with its alternatives.
void append_logprobs(std::string& out, std::span<const TokenLogprob> entries) {
  out += '[';
  for (const char* comma = ""; !entries.empty(); comma = ",") {
    const TokenLogprob& token = entries.front();
    const std::size_t tops = std::min<std::size_t>(token.n_top, entries.size() - 1);
    out += comma;
    append_candidate(out, token, entries.subspan(1, tops));
    entries = entries.subspan(1 + tops);
  }
  out += ']';
}

std::string_view delta_kind(Event::PartKind kind) {
  switch (kind) {
    case Event::PartKind::kReasoning: return "reasoning";
    case Event::PartKind::kToolCall: return "tool_args";
    case Event::PartKind::kRefusal: return "refusal";
    case Event::PartKind::kOpaque: return "opaque";
    case Event::PartKind::kText:
    case Event::PartKind::kNone: break;
  }
  return "text";
}

void append_limits(std::string& out, std::span<const RateLimit> limits) {
  out += '[';
  for (const RateLimit& limit : limits) {
    if (&limit != &limits.front()) out += ',';
    Object o(out);
    o.text("what", limit.what);
    if (limit.limit) o.number("limit", *limit.limit);
    if (limit.remaining) o.number("remaining", *limit.remaining);
    if (limit.reset)
      append_number(o.key("reset_s"), std::chrono::duration<double>(*limit.reset).count());
    if (limit.window) o.number("window_s", limit.window->count());
    o.close();
  }
  out += ']';
}

void start(Object& o, const Event& event) {
  o.text_if("model", event.meta && !event.meta->model.empty() ? event.meta->model : event.id);
  if (event.meta) {
    o.text_if("response_id", event.meta->response_id);
    o.text_if("request_id", event.meta->request_id);
    o.text_if("issuer", event.meta->issuer);
    if (!event.meta->rate_limits.empty())
      append_limits(o.key("rate_limits"), event.meta->rate_limits);
  }
  if (event.meta && event.meta->attempts > 1) o.number("attempts", event.meta->attempts);
  o.text_if("metadata", event.meta && !event.meta->extra.empty() ? event.meta->extra : event.extra);
}

// JSON of this library's making, as an object.
void facts(Object& o, const char* name, std::string_view json) {
  if (json.empty()) return;
  const auto parsed = core::parse_json(json);
  if (parsed)
    o.key(name) += core::dump_json(*parsed);
  else
    o.text(name, json);
}

void part_begin(Object& o, const Event& event) {
  place(o, event);
  o.text("type", to_string(event.part_kind));
  o.text_if(event.part_kind == Event::PartKind::kOpaque ? "of" : "name", event.data);
  o.text_if("id", event.id);
  facts(o, "flags", event.extra);
}

void part_end(Object& o, const Event& event) {
  place(o, event);
  o.text_if("signature", event.data);
  o.text_if("id", event.id);
  o.text_if("extra", event.extra);
}

void warning(Object& o, const Event& event) {
  o.text("code", event.data);
  o.text("message", event.id);
  facts(o, "details", event.extra);
}

void progress_of(Object& o, const Event& event) {
  o.number("step", event.step);
  o.number("steps", event.steps);
}

void progress(Object& o, const Event& event) {
  o.text("what", event.data);
  progress_of(o, event);
  if (event.step_time.count() > 0) o.number("step_ns", event.step_time.count());
}

// All but the picture itself.
void about_media(Object& o, const Event& event) {
  place(o, event);
  o.boolean("preview", event.preview);
  if (event.steps != 0) progress_of(o, event);
  o.text_if("id", event.id);
  o.text_if("extra", event.extra);
  if (!event.media) return;
  o.text_if("mime", event.media->mime);
  o.text_if("name", event.media->name);
}

void media(Object& o, const Event& event) {
  about_media(o, event);
  if (!event.media) return;
  if (const auto* blob = std::get_if<Blob>(&event.media->source)) {
    append_base64(o.key("base64"), blob->view());
  } else if (const auto* url = std::get_if<Url>(&event.media->source)) {
    o.text("url", url->url);
  } else if (const auto* file = std::get_if<FileId>(&event.media->source)) {
    o.text("file_id", file->id);
  } else if (const auto* pixels = std::get_if<Pixels>(&event.media->source)) {
    o.number("width", pixels->width);
    o.number("height", pixels->height);
    o.number("channels", pixels->channels);
    o.number("stride", pixels->stride);
    append_base64(o.key("base64"), pixels->data.view());
  }
}

void vectors(Object& o, const Event& event) {
  o.number("dimensions", event.dimensions);
  std::string& out = o.key("values");
  const char* comma = "";
  out += '[';
  for (const float value : event.vectors) {
    out += comma;
    append_number(out, value);
    comma = ",";
  }
  out += ']';
}

void finish(Object& o, const Event& event, const Usage& total) {
  o.number("choice", event.choice);
  o.text("reason", to_string(event.finish));
  o.text_if(event.finish == Finish::kStopSequence ? "stop_sequence" : "raw", event.data);
  append_usage(o.key("usage"), total);
}

void append_call(std::string& out, const ToolCall& call) {
  Object o(out);
  o.text("id", call.id);
  o.text("name", call.name);
  o.text("arguments", call.arguments);
  o.close();
}

// What had come of one answer.
void append_choice(std::string& out, const Choice& choice) {
  std::string text, reasoning, refusal, calls;
  for (const Part& part : choice.message.parts) {
    if (const auto* t = part.get<Text>()) text += t->text;
    if (const auto* r = part.get<Reasoning>()) reasoning += r->text;
    if (const auto* r = part.get<Refusal>()) refusal += r->text;
    if (const auto* call = part.get<ToolCall>()) {
      if (!calls.empty()) calls += ',';
      append_call(calls, *call);
    }
  }
  Object o(out);
  o.text("text", text);
  o.text_if("reasoning", reasoning);
  o.text_if("refusal", refusal);
  if (!calls.empty()) o.key("tool_calls") += "[" + calls + "]";
  if (choice.finish == Finish::kUnknown)
    o.null("reason");
  else
    o.text("reason", to_string(choice.finish));
  o.close();
}

void append_partial(std::string& out, const Response& partial) {
  Object o(out);
  o.text("text", partial.text());
  std::string& list = o.key("choices");
  list += '[';
  for (std::size_t i = 0; i < partial.choices.size(); ++i) {
    if (i != 0) list += ',';
    append_choice(list, partial.choices[i]);
  }
  list += ']';
  append_usage(o.key("usage"), partial.usage);
  o.close();
}

bool is_whole_number(std::string_view text) {
  return !text.empty() && text.size() < 19 &&
         text.find_first_not_of("0123456789") == std::string_view::npos &&
         (text.size() == 1 || text.front() != '0');
}

void append_details(std::string& out, const Error& error) {
  Object o(out);
  for (const auto& [key, value] : error.details()) {
    if (is_whole_number(value))
      o.key(key) += value;
    else
      o.text(key, value);
  }
  o.close();
}

void text_or_null(Object& o, const char* name, const std::string& value) {
  if (value.empty())
    o.null(name);
  else
    o.text(name, value);
}

std::string_view to_string(RetryHint hint) {
  switch (hint) {
    case RetryHint::kYes: return "yes";
    case RetryHint::kAmbiguous: return "ambiguous";
    case RetryHint::kNo: break;
  }
  return "no";
}

}  // namespace

void append_event(std::string& out, const Event& event, const Usage& total) {
  using Kind = Event::Kind;
  if (event.kind == Kind::kNone || event.kind > Kind::kFinish) return;
  Object o(out);
  o.text("kind", event.kind == Kind::kDelta ? delta_kind(event.part_kind) : to_string(event.kind));
  switch (event.kind) {
    case Kind::kStart: start(o, event); break;
    case Kind::kPartBegin: part_begin(o, event); break;
    case Kind::kDelta:
      place(o, event);
      o.text("text", event.data);
      if (!event.logprobs.empty()) append_logprobs(o.key("logprobs"), event.logprobs);
      break;
    case Kind::kPartEnd: part_end(o, event); break;
    case Kind::kUsage: append_usage(o.key("usage"), total); break;
    case Kind::kWarning: warning(o, event); break;
    case Kind::kProgress: progress(o, event); break;
    case Kind::kMedia: media(o, event); break;
    case Kind::kVectors: vectors(o, event); break;
    case Kind::kFinish: finish(o, event, total); break;
    case Kind::kNone: break;
  }
  o.close();
  out += '\n';
}

void append_written(std::string& out, const Event& event, const std::string& path) {
  Object o(out);
  o.text("kind", to_string(event.kind));
  about_media(o, event);
  o.text("path", path);
  if (const auto* blob = event.media ? std::get_if<Blob>(&event.media->source) : nullptr) {
    o.number("bytes", static_cast<std::int64_t>(blob->size()));
    if (const auto size = picture_size(blob->view())) {
      o.number("width", size->width);
      o.number("height", size->height);
    }
  }
  o.close();
  out += '\n';
}

void append_error(std::string& out, const Error& error) {
  Object o(out);
  o.text("kind", "error");
  o.text("code", infer::to_string(error.code()));
  o.text("message", error.message());
  text_or_null(o, "provider", error.provider());
  text_or_null(o, "provider_code", error.provider_code());
  if (error.http_status() != 0)
    o.number("http_status", error.http_status());
  else
    o.null("http_status");
  if (const auto wait = error.retry_after())
    append_number(o.key("retry_after_s"), std::chrono::duration<double>(*wait).count());
  else
    o.null("retry_after_s");
  o.text("retry", to_string(error.retry()));
  text_or_null(o, "request_id", error.request_id());
  text_or_null(o, "body", error.body());
  if (const Response* partial = error.partial())
    append_partial(o.key("partial"), *partial);
  else
    o.null("partial");
  append_details(o.key("details"), error);
  o.close();
  out += '\n';
}

}  // namespace infer::cli
