// What the tests of painting share: the shipped model through the plugin's table, requests as JSON,
// and all that comes back.
#ifndef INFER_ENGINES_DIFFUSION_PAINT_DRIVER_H_
#define INFER_ENGINES_DIFFUSION_PAINT_DRIVER_H_

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "engines/llama/plugin_driver.h"

namespace infer::test {

inline const std::string kModels = INFER_BUILD_DIR "/share/infer/models/";

inline std::string shapes_config(const std::string& parts = {}, const std::string& more = {}) {
  return "{\"threads\":1,\"parts\":{\"taesd\":\"" + kModels + "tiny-shapes-tae.safetensors\"" +
         parts + "},\"defaults\":{\"width\":64,\"height\":64,\"steps\":8,\"guidance\":1.0}" + more +
         "}";
}

struct Pixels {
  uint32_t width = 0, height = 0, channels = 3;
  std::string bytes;
  bool operator==(const Pixels&) const = default;
};

inline Pixels filled(uint32_t width, uint32_t height, uint32_t channels, char value) {
  return Pixels{width, height, channels,
                std::string(std::size_t{width} * height * channels, value)};
}

struct Painted {
  std::vector<Pixels> pictures, previews;
  std::vector<std::string> extras, warnings;  // of pictures; the settings that were ignored
  std::vector<std::string> progress;          // "painting 1/8"
  int result = INFER_PENDING;
  std::string message;
  infer_usage usage = {};
};

class Painting {
 public:
  Painting(const Model& model, const std::string& request, const std::vector<Pixels>& blobs = {},
           uint32_t task = INFER_TASK_IMAGE) {
    std::vector<infer_blob> table(blobs.size());
    std::vector<const infer_blob*> pointers;
    for (std::size_t i = 0; i < blobs.size(); ++i) {
      table[i].size = sizeof(infer_blob);
      table[i].type = INFER_U8;
      table[i].data = blobs[i].bytes.data();
      table[i].bytes = blobs[i].bytes.size();
      table[i].width = blobs[i].width;
      table[i].height = blobs[i].height;
      table[i].channels = blobs[i].channels;
      table[i].stride = blobs[i].width * blobs[i].channels;
      pointers.push_back(&table[i]);
    }
    infer_open how = {};
    how.size = sizeof(how);
    how.task = task;
    how.request = str(request);
    how.blobs = pointers.data();
    how.n_blobs = pointers.size();
    how.wake_ctx = this;
    how.wake = [](void* self) { static_cast<Painting*>(self)->wake(); };
    error_.size = sizeof(error_);
    all_.result = plugin().open(model.get(), &how, &handle_, &error_);
    if (all_.result < 0) all_.message = error_.message;
  }
  ~Painting() { close(); }
  Painting(const Painting&) = delete;
  Painting& operator=(const Painting&) = delete;

  void cancel() { plugin().cancel(handle_); }
  void close() {
    if (handle_ != nullptr) plugin().close(handle_);
    handle_ = nullptr;
  }

  // The next event's kind, or what ends the reply.
  int next(infer_event& event) {
    for (;;) {
      event = {};
      event.size = sizeof(event);
      const int result = plugin().next(handle_, &event, &error_);
      if (result == INFER_EVENT) return event.kind;
      if (result != INFER_PENDING) {
        all_.result = result;
        if (result < 0) all_.message = error_.message;
        return result < 0 ? result : 0;
      }
      std::unique_lock<std::mutex> lock(mutex_);
      woken_.wait(lock, [this] { return wakes_ > 0; });
      wakes_ = 0;
    }
  }

  // Reads on until the reply ends.
  Painted all() {
    infer_event event;
    while (handle_ != nullptr && next(event) > 0) keep(event);
    return all_;
  }
  // Reads on until so many entries told of progress.
  void read_progress(std::size_t entries) {
    infer_event event;
    while (all_.progress.size() < entries && next(event) > 0) keep(event);
  }

 private:
  void wake() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++wakes_;
    }
    woken_.notify_one();
  }

  void keep(const infer_event& event) {
    const auto text = [](infer_str s) { return std::string(engine::to_view(s)); };
    if (event.kind == INFER_EV_WARNING) {
      EXPECT_EQ(text(event.data), "unsupported_setting");
      const std::string extra = text(event.extra);
      all_.warnings.push_back(extra.substr(12, extra.size() - 14));  // {"setting":"..."}
    } else if (event.kind == INFER_EV_PROGRESS) {
      all_.progress.push_back(text(event.data) + " " + std::to_string(event.step) + "/" +
                              std::to_string(event.steps));
    } else if (event.kind == INFER_EV_MEDIA) {
      const infer_blob& blob = *event.blob;
      EXPECT_EQ(blob.type, static_cast<uint32_t>(INFER_U8));
      (event.preview ? all_.previews : all_.pictures)
          .push_back(Pixels{blob.width, blob.height, blob.channels,
                            std::string(static_cast<const char*>(blob.data), blob.bytes)});
      if (!event.preview) all_.extras.push_back(text(event.extra));
    } else if (event.kind == INFER_EV_FINISH) {
      EXPECT_EQ(event.finish, static_cast<uint32_t>(INFER_FIN_STOP));
      if (event.usage != nullptr) all_.usage = *event.usage;
    }
  }

  infer_source* handle_ = nullptr;
  infer_error error_ = {};
  Painted all_;
  std::mutex mutex_;
  std::condition_variable woken_;
  int wakes_ = 0;
};

inline std::string asked(const std::string& more,
                         const std::string& prompt = "a red circle on a white background") {
  return "{\"task\":\"image\",\"prompt\":\"" + prompt + "\",\"seed\":7" +
         (more.empty() ? "" : ",") + more + "}";
}

inline Painted paint(const Model& model, const std::string& more,
                     const std::vector<Pixels>& blobs = {}) {
  return Painting(model, asked(more), blobs).all();
}

// The picture of a request that must give one.
inline Pixels picture(const Model& model, const std::string& more,
                      const std::vector<Pixels>& blobs = {}) {
  Painted painted = paint(model, more, blobs);
  EXPECT_EQ(painted.result, INFER_END) << more << ": " << painted.message;
  EXPECT_EQ(painted.pictures.size(), 1U) << more;
  return painted.pictures.empty() ? Pixels{} : painted.pictures[0];
}

}  // namespace infer::test

#endif  // INFER_ENGINES_DIFFUSION_PAINT_DRIVER_H_
