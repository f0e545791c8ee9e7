// The same loads through the library's public interface.
#ifndef INFER_BENCH_CLIENT_OURS_H_
#define INFER_BENCH_CLIENT_OURS_H_

#include <vector>

#include "bench/client_load.h"
#include "infer/infer.h"

namespace infer::bench {

TextModel open_model(const Load& load, ApiConfig config = {});
TextRequest request_of(const Load& load);

// Any number of replies on one Poller.
class OurClient {
 public:
  // Until all requests of the load have ended.
  Found run(const Load& load);
  // Opens the streams, waits for a piece of text of each, and holds them.
  void hold(const Load& load);

 private:
  Poller poller_{};
  std::vector<Reply> held_{};
};

// One after the other by generate(), which waits.
Found run_generate(const Load& load);

}  // namespace infer::bench

#endif  // INFER_BENCH_CLIENT_OURS_H_
