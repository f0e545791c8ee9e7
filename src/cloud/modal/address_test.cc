#include "src/cloud/modal/address.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

namespace infer::cloud {
namespace {

class AddressTest : public testing::Test {
 protected:
  void SetUp() override { unsetenv("MODAL_BASE_URL"); }
  void TearDown() override { SetUp(); }
};

struct AddressRow {
  const char* id;
  const char* base_url;
  const char* model;
  bool keys;  // of the environment
};

TEST_F(AddressTest, WhatIdsComeTo) {
  for (const AddressRow& row : {
           AddressRow{"acme/llm/serve", "https://acme--llm-serve.modal.run/v1", "", true},
           AddressRow{"acme-prod/llm/serve", "https://acme-prod--llm-serve.modal.run/v1", "", true},
           AddressRow{"Acme/My_App/Chat_fn", "https://acme--my-app-chat-fn.modal.run/v1", "", true},
           AddressRow{"acme/llm/serve#Qwen/Qwen3-8B", "https://acme--llm-serve.modal.run/v1",
                      "Qwen/Qwen3-8B", true},
           AddressRow{"https://acme--llm-serve.modal.run", "https://acme--llm-serve.modal.run/v1",
                      "", true},
           AddressRow{"https://acme--llm-serve.modal.run/", "https://acme--llm-serve.modal.run/v1",
                      "", true},
           AddressRow{"https://acme--llm-serve.modal.run/v1#m",
                      "https://acme--llm-serve.modal.run/v1", "m", true},
           AddressRow{"HTTPS://ACME--x.Modal.Run", "HTTPS://ACME--x.Modal.Run/v1", "", true},
           AddressRow{"https://x.modal.run:8443/api", "https://x.modal.run:8443/api", "", true},
           AddressRow{"https://llm.example.com", "https://llm.example.com/v1", "", false},
           AddressRow{"https://llm.example.com/openai/v1/", "https://llm.example.com/openai/v1", "",
                      false},
           // What only looks like Modal.
           AddressRow{"http://acme--x.modal.run", "http://acme--x.modal.run/v1", "", false},
           AddressRow{"https://modal.run.example.com", "https://modal.run.example.com/v1", "",
                      false},
           AddressRow{"https://evilmodal.run", "https://evilmodal.run/v1", "", false},
           AddressRow{"https://example.com/.modal.run", "https://example.com/.modal.run", "",
                      false},
           AddressRow{"https://x.modal.run@example.com", "https://x.modal.run@example.com/v1", "",
                      false},
           AddressRow{"https://example.com?x.modal.run", "https://example.com?x.modal.run/v1", "",
                      false},
       }) {
    const auto address = modal_address(row.id, {});
    ASSERT_TRUE(address) << row.id << ' ' << address.error();
    EXPECT_EQ(address->base_url, row.base_url) << row.id;
    EXPECT_EQ(address->model, row.model) << row.id;
    EXPECT_EQ(address->environment_keys, row.keys) << row.id;
  }
}

TEST_F(AddressTest, WithAnAddressTheIdIsAModel) {
  ApiConfig config;
  config.base_url = "https://llm.example.com";
  for (const char* id : {"tiny", "Qwen/Qwen3-8B", "a/b/c", "m#x"}) {
    const auto address = modal_address(id, config);
    ASSERT_TRUE(address) << address.error();
    EXPECT_EQ(address->base_url, "https://llm.example.com/v1");
    EXPECT_EQ(address->model, id);
    EXPECT_FALSE(address->environment_keys);
  }
  // At Modal or not: a base_url of the config gets no key of the environment.
  config.base_url = "https://acme--llm-serve.modal.run";
  EXPECT_FALSE(modal_address("tiny", config)->environment_keys);
  EXPECT_EQ(modal_address("https://x.modal.run", config).error().detail("field"), "base_url");

  setenv("MODAL_BASE_URL", "https://own.example.com/v1", 1);
  const auto own = modal_address("Qwen/Qwen3-8B", {});
  ASSERT_TRUE(own) << own.error();
  EXPECT_EQ(own->base_url, "https://own.example.com/v1");
  EXPECT_EQ(own->model, "Qwen/Qwen3-8B");
  EXPECT_TRUE(own->environment_keys);
  // An id that says where the app is says it.
  EXPECT_EQ(modal_address("acme/llm/serve", {})->base_url, "https://acme--llm-serve.modal.run/v1");
  EXPECT_EQ(modal_address("https://x.modal.run", {})->base_url, "https://x.modal.run/v1");
}

TEST_F(AddressTest, AFunctionOfItsOwnHasNoV1) {
  ApiConfig config;
  config.function = JsonFunction{};
  EXPECT_EQ(modal_address("acme/llm/serve", config)->base_url, "https://acme--llm-serve.modal.run");
  EXPECT_EQ(modal_address("https://x.modal.run/", config)->base_url, "https://x.modal.run");
  config.base_url = "https://x.modal.run/draw";
  EXPECT_EQ(modal_address("m", config)->base_url, "https://x.modal.run/draw");
}

TEST_F(AddressTest, WhatLeadsNowhereSaysWhatIsAllowed) {
  const std::string long_name(40, 'a');
  for (const std::string& id :
       {std::string("tiny"), std::string("acme/llm"), std::string("a/b/c/d"), std::string("/b/c"),
        std::string("a//c"), std::string("a/b/"), std::string("a/b/c#"), std::string("a/b.x/c"),
        std::string("a/b c/c"), std::string("-a/b/c"), std::string("a/b/c-"), std::string("#m"),
        std::string("a/b/\xC3\xA9"), std::string("a/b/c\n"),
        std::string("acme/") + long_name + '/' + long_name}) {
    const auto address = modal_address(id, {});
    ASSERT_FALSE(address) << id;
    EXPECT_EQ(address.error().code(), Errc::kInvalidRequest) << id;
    EXPECT_EQ(address.error().provider(), "modal");
    EXPECT_EQ(address.error().detail("field"), "id") << id;
    EXPECT_NE(address.error().message().find(id == "a/b/c#" ? "'#'" : "modal:https://ADDRESS"),
              std::string::npos)
        << address.error();
  }
  // 63 characters are a label, 64 are not.
  const std::string app(63 - 4 - 2 - 1 - 1, 'b');
  EXPECT_TRUE(modal_address("acme/" + app + "/c", {}));
  EXPECT_FALSE(modal_address("acme/" + app + "b/c", {}));
}

}  // namespace
}  // namespace infer::cloud
