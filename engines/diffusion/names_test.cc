#include "names.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engines/common/refusal.h"

namespace infer::diffusion {
namespace {

std::string said(void (*call)()) {
  try {
    call();
  } catch (const engine::Refusal& e) {
    EXPECT_EQ(e.code(), INFER_E_INVALID_REQUEST);
    return e.what();
  }
  return "accepted";
}

TEST(Names, EverySampleMethodBothWays) {
  for (int i = 0; i < SAMPLE_METHOD_COUNT; ++i) {
    const auto method = static_cast<sample_method_t>(i);
    ASSERT_FALSE(name_of(method).empty());
    EXPECT_EQ(sample_method_of(name_of(method), "sample_method"), method);
  }
}

TEST(Names, EverySchedulerBothWays) {
  for (int i = 0; i < SCHEDULER_COUNT; ++i) {
    const auto scheduler = static_cast<scheduler_t>(i);
    ASSERT_FALSE(name_of(scheduler).empty());
    EXPECT_EQ(scheduler_of(name_of(scheduler), "scheduler"), scheduler);
  }
}

TEST(Names, TheOthersBothWays) {
  for (int i = SD_HIRES_UPSCALER_LATENT; i < SD_HIRES_UPSCALER_COUNT; ++i) {
    const auto upscaler = static_cast<sd_hires_upscaler_t>(i);
    EXPECT_EQ(hires_upscaler_of(name_of(upscaler), "f"), upscaler);
  }
  for (int i = SD_CACHE_EASYCACHE; i <= SD_CACHE_SPECTRUM; ++i) {
    const auto mode = static_cast<sd_cache_mode_t>(i);
    EXPECT_EQ(cache_mode_of(name_of(mode), "f"), mode);
  }
  for (int i = 0; i < PREDICTION_COUNT; ++i) {
    const auto prediction = static_cast<prediction_t>(i);
    EXPECT_EQ(prediction_of(sd_prediction_name(prediction), "f"), prediction);
  }
  EXPECT_EQ(rng_of("cuda", "f"), CUDA_RNG);
  EXPECT_EQ(rng_of("std", "f"), STD_DEFAULT_RNG);
  EXPECT_EQ(rng_of("cpu", "f"), CPU_RNG);
  for (const char* type : {"f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q2_K",
                           "q3_k", "q4_K", "q5_K", "Q6_K"})
    EXPECT_NE(weight_type_of(type, "f"), SD_TYPE_COUNT) << type;
}

TEST(Names, InAnyCaseAndSpelling) {
  EXPECT_EQ(sample_method_of("Euler-A", "f"), EULER_A_SAMPLE_METHOD);
  EXPECT_EQ(cache_mode_of("cache_dit", "f"), SD_CACHE_CACHE_DIT);
  EXPECT_EQ(scheduler_of("SGM-Uniform", "f"), SGM_UNIFORM_SCHEDULER);
}

TEST(Names, UnknownOnesAreRefusedWithTheList) {
  const std::string method = said([] { sample_method_of("eular", "sample_method"); });
  EXPECT_EQ(method.find("sample_method: 'eular' is none of euler, euler_a, heun"), 0U) << method;
  EXPECT_NE(method.find("er_sde"), std::string::npos);
  const std::string scheduler = said([] { scheduler_of("", "scheduler"); });
  EXPECT_NE(scheduler.find("discrete, karras"), std::string::npos) << scheduler;
  EXPECT_NE(scheduler.find("bong_tangent"), std::string::npos);
  for (void (*call)() : {+[] { hires_upscaler_of("none", "f"); },
                         +[] { cache_mode_of("none", "f"); }, +[] { weight_type_of("i32", "f"); },
                         +[] { rng_of("std_default", "f"); }, +[] { prediction_of("x0", "f"); }})
    EXPECT_EQ(said(call).find("f: '"), 0U);
}

TEST(Names, AsJson) {
  const auto json = nlohmann::json::parse(names_json());
  EXPECT_EQ(json["sample_methods"].size(), static_cast<std::size_t>(SAMPLE_METHOD_COUNT));
  EXPECT_EQ(json["schedulers"].size(), static_cast<std::size_t>(SCHEDULER_COUNT));
  EXPECT_EQ(json["sample_methods"][0], "euler");
}

}  // namespace
}  // namespace infer::diffusion
