#include "src/cloud/openai/extra.h"

#include "src/cloud/raw_json.h"

namespace infer::cloud {

std::optional<Error> merge_extra(const std::map<std::string, std::string>& extra,
                                 const std::string& provider,
                                 std::initializer_list<ReservedMember> reserved, RawObject& body) {
  const auto found = extra.find(provider);
  if (found == extra.end()) return std::nullopt;
  for (const RawMember& member : raw_members(found->second)) {
    for (const ReservedMember& taken : reserved) {
      if (member.key != taken.name) continue;
      const std::string field = "extra." + provider + "." + member.key;
      return Error(Errc::kInvalidRequest,
                   field + " cannot be set; use " + std::string(taken.instead))
          .with_detail("field", field);
    }
    body.set(member.key, std::string(member.value));
  }
  return std::nullopt;
}

}  // namespace infer::cloud
