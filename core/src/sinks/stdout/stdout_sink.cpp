// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/stdout/stdout_sink.hpp"

#include "model/measurement_json.hpp"
#include "sinks/pipes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cmath>
#include <system_error>
#include <utility>

namespace mesura::sinks::standard_output {
namespace {

// Whether some sink of this process is open.
std::atomic<bool> taken{false};

// Rendered at a time; one write() may bring tens of megabytes.
constexpr std::size_t kRenderBytes = 256 * 1024;

bool finite(const Measurement& m) { return m.type == MESURA_TEXT || std::isfinite(m.number); }

}  // namespace

StdoutSink::StdoutSink(Options options, const SeriesTable& series) : options_(options), series_(series) {}

StdoutSink::~StdoutSink() { StdoutSink::close(); }

std::string StdoutSink::describe() const { return "stdout"; }

void StdoutSink::open() {
  if (open_) return;
  if (::fcntl(options_.fd, F_GETFD) < 0)
    throw SinkError("sink-io: standard output is closed\n  hint      start Mesura with its standard output open");
  if (taken.exchange(true)) {
    throw SinkError(
        "sink-busy: another sink of this process writes to standard output\n  hint      configure one sink 'stdout'; "
        "several routes can lead to it");
  }
  open_ = true;
}

void StdoutSink::close() {
  if (std::exchange(open_, false)) taken = false;
}

WriteResult StdoutSink::write(std::span<const BatchPtr> batches) {
  if (!open_) return WriteResult::retry("sink-closed: standard output is not open");
  const NoSigpipe quiet;
  WriteResult result;
  text_ = std::exchange(rest_, {});
  rest_size_ = text_.size();
  taken_ = 0;
  std::vector<std::size_t> ends;  // in text_, of the batches from `first` on
  std::size_t first = 0;
  for (std::size_t b = 0; b < batches.size(); ++b) {
    const Batch& batch = *batches[b];
    if (std::all_of(batch.items.begin(), batch.items.end(), finite)) {
      model::append_json_lines(text_, series_, batch, model::Samples::with);
    } else {
      for (std::size_t i = 0; i < batch.items.size(); ++i) {
        const SeriesInfo& info = series_.at(batch.items[i].series);
        if (!finite(batch.items[i])) {
          result.rejected.push_back({b, i, fmt::format("sink-value: {} is not a finite number", info.name())});
          continue;
        }
        model::append_json(text_, info, batch, batch.items[i]);
        text_ += '\n';
      }
    }
    ends.push_back(text_.size());
    if (text_.size() < kRenderBytes && b + 1 < batches.size()) continue;
    if (auto reason = put()) {
      WriteResult retry = WriteResult::retry(std::move(*reason));
      for (std::size_t n = 0; n < first; ++n) retry.done.push_back(n);
      for (const std::size_t end : ends) {
        if (end > taken_) break;
        retry.done.push_back(retry.done.size());
      }
      std::erase_if(result.rejected, [&](const Rejected& r) { return r.batch >= retry.done.size(); });
      retry.rejected = std::move(result.rejected);
      return retry;
    }
    first = b + 1;
    ends.clear();
    text_.clear();
    rest_size_ = taken_ = 0;
  }
  return result;
}

// Writes text_. The descriptor's flags are shared with whoever else has it, so it stays blocking: a pipe that poll()
// calls writable takes PIPE_BUF bytes at once.
std::optional<std::string> StdoutSink::put() {
  auto progress = std::chrono::steady_clock::now();
  while (taken_ < text_.size()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(progress + options_.timeout - std::chrono::steady_clock::now());
    pollfd event{options_.fd, POLLOUT, 0};
    const int ready = ::poll(&event, 1, static_cast<int>(std::clamp<long long>(left.count(), 0, 60'000)));
    if (ready == 0 && left.count() <= 0) {
      // The reader is to find whole lines, whatever comes next.
      const bool inside = taken_ < rest_size_ || (taken_ > 0 && text_[taken_ - 1] != '\n');
      if (inside) rest_ = text_.substr(taken_, text_.find('\n', taken_) + 1 - taken_);
      return fmt::format("sink-timeout: nobody has read standard output for {} s",
                         std::chrono::duration<double>(options_.timeout).count());
    }
    if (ready <= 0) continue;
    const ssize_t n =
        ::write(options_.fd, text_.data() + taken_, std::min<std::size_t>(text_.size() - taken_, PIPE_BUF));
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0 && errno == EPIPE) return "sink-closed: the reader of standard output has gone";
    if (n < 0) return fmt::format("sink-io: writing to standard output: {}", std::generic_category().message(errno));
    taken_ += static_cast<std::size_t>(n);
    progress = std::chrono::steady_clock::now();
  }
  return std::nullopt;
}

}  // namespace mesura::sinks::standard_output
