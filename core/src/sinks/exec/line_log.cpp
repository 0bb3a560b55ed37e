// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/exec/line_log.hpp"

#include "sinks/pipes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace mesura::sinks::exec {
namespace {

using namespace std::chrono_literals;

constexpr auto kWindow = 10s;
constexpr std::uint64_t kLinesInWindow = 20;
constexpr std::size_t kMaxLine = 2000;
// A child that floods us must not keep the destructor waiting.
constexpr int kLastReads = 16;

}  // namespace

LineLog::LineLog(runtime::Logger log, std::string code, std::string from, runtime::UniqueFd fd)
    : log_(std::move(log)),
      code_(std::move(code)),
      from_(std::move(from)),
      fd_(std::move(fd)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (!stop_) throw std::system_error(errno, std::system_category(), "eventfd");
  ::fcntl(fd_.get(), F_SETFL, ::fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
  thread_ = std::thread{[this] { run(); }};
}

LineLog::~LineLog() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(stop_.get(), &one, sizeof one));
  thread_.join();
}

void LineLog::run() {
  std::array<pollfd, 2> wait{{{fd_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
  bool open = true;
  while (open && wait[1].revents == 0) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(window_ + kWindow - std::chrono::steady_clock::now());
    ::poll(wait.data(), wait.size(), left_out_ > 0 ? static_cast<int>(std::max(left, 0ms).count()) : -1);
    if (left_out_ > 0 && std::chrono::steady_clock::now() >= window_ + kWindow) tell_left_out();
    if (wait[0].revents != 0) open = drain();
  }
  for (int i = 0; open && i < kLastReads; ++i) open = drain();
  if (!partial_.empty()) line(std::exchange(partial_, {}));
  tell_left_out();
  const std::lock_guard lock{mutex_};
  ended_ = true;
  changed_.notify_all();
}

// One read; false when there will be nothing more.
bool LineLog::drain() {
  std::array<char, 16 * 1024> buffer;
  const ssize_t n = ::read(fd_.get(), buffer.data(), buffer.size());
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  partial_.append(buffer.data(), static_cast<std::size_t>(n));
  std::size_t from = 0;
  for (;;) {
    const auto end = partial_.find('\n', from);
    if (end == std::string::npos && partial_.size() - from < kMaxLine) break;
    const std::size_t length = std::min(end - from, kMaxLine);
    line(std::string_view{partial_}.substr(from, length));
    from += length + (from + length == end ? 1 : 0);
  }
  partial_.erase(0, from);
  return true;
}

void LineLog::line(std::string_view text) {
  while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  if (text.empty()) return;
  std::string shown = printable(text);
  {
    const std::lock_guard lock{mutex_};
    last_ = shown;
  }
  const auto now = std::chrono::steady_clock::now();
  if (now >= window_ + kWindow) {
    tell_left_out();
    window_ = now;
    in_window_ = 0;
  }
  if (++in_window_ > kLinesInWindow) {
    ++left_out_;
    return;
  }
  log_.info(code_, "{}: {}", from_, shown);
}

void LineLog::tell_left_out() {
  if (left_out_ > 0) log_.info(code_, "{}: {} more lines were left out", from_, std::exchange(left_out_, 0));
}

bool LineLog::wait_end(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock{mutex_};
  return changed_.wait_until(lock, deadline, [this] { return ended_; });
}

std::string LineLog::last() {
  const std::lock_guard lock{mutex_};
  return last_;
}

}  // namespace mesura::sinks::exec
