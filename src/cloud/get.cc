// One GET, through the same source as every reply: its body is the one part of an answer.
#include <utility>

#include "infer/model.h"
#include "src/cloud/backend.h"

namespace infer::cloud {
namespace {

class BodyReader final : public Reader {
 public:
  std::optional<Error> event(std::string_view, std::string_view, EventQueue&) override {
    return bad_answer({}, "a stream came where a document was asked for", 0, {});
  }
  std::optional<Error> whole(std::string_view body, EventQueue& out) override {
    out.start({});
    out.begin(0, 0, Event::PartKind::kOpaque, "document");
    out.delta(0, body);
    return std::nullopt;
  }
  bool proven() const override { return false; }
  bool done() const override { return false; }
  void close(EventQueue& out) override { out.finish(0, Finish::kStop, {}); }
};

class GetWire final : public Wire {
 public:
  GetWire(const Wire& wire, std::string path) : wire_(wire), path_(std::move(path)) {}
  Result<Outgoing> write(const Request&, const Call&) const override {
    Outgoing outgoing;
    outgoing.method = "GET";
    outgoing.path = path_;
    outgoing.reader = std::make_unique<BodyReader>();
    return outgoing;
  }
  Complaint complaint(std::string_view body) const override { return wire_.complaint(body); }

 private:
  const Wire& wire_;
  std::string path_;
};

}  // namespace

Result<std::string> get(const Endpoint& endpoint, const Wire& wire, const std::string& path,
                        const Call& call) {
  const TextModel model(make_backend(std::make_shared<GetWire>(wire, path), endpoint, {}));
  auto response = model.generate("GET", call);
  if (!response) return response.error();
  const auto& parts = response->message().parts;
  const Opaque* const document = parts.empty() ? nullptr : parts.front().get<Opaque>();
  return document ? document->json : std::string();
}

}  // namespace infer::cloud
