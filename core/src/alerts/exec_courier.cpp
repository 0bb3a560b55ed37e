// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include <mesura/sink.hpp>

#include "alerts/door.hpp"
#include "sinks/exec/child.hpp"
#include "sinks/exec/line_log.hpp"
#include "sinks/pipes.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

namespace mesura::alerts {
namespace {

using Clock = std::chrono::steady_clock;
using sinks::exec::Child;
using sinks::exec::LineLog;

/// A cancelled wait is noticed at the latest after that.
constexpr std::chrono::milliseconds kSlice{50};

class ExecCourier final : public Courier {
 public:
  ExecCourier(const config::Value& options, runtime::Logger log)
      : timeout_(options["timeout"].duration()), log_(std::move(log)) {
    for (const auto& word : options["command"].list()) command_.argv.push_back(word.text());
    name_ = std::filesystem::path{command_.argv.front()}.filename().string();
  }

  Outcome deliver(const Alert& /*alert*/, const std::string& json) override {
    const sinks::NoSigpipe no_sigpipe;
    try {
      Child child{command_};
      LineLog out{log_, "alert-exec", name_ + ", stdout", child.take_output()};
      LineLog err{log_, "alert-exec", name_ + ", stderr", child.take_errors()};
      return run(child, json + "\n", err);
    } catch (const SinkError& e) {
      return {e.what(), false};
    }
  }

  void cancel() override { cancelled_ = true; }

 private:
  Outcome run(Child& child, std::string_view text, LineLog& err) {
    const auto deadline = Clock::now() + timeout_;
    const auto over = [&] { return cancelled_ || Clock::now() >= deadline; };
    // A program that does not care may leave its stdin unread, or close it.
    while (!text.empty() && !over()) {
      const ssize_t n = ::write(child.input(), text.data(), text.size());
      if (n > 0) {
        text.remove_prefix(static_cast<std::size_t>(n));
      } else if (n < 0 && errno == EAGAIN) {
        pollfd wait{child.input(), POLLOUT, 0};
        ::poll(&wait, 1, static_cast<int>(kSlice.count()));
        if (child.end()) break;
      } else if (n < 0 && errno != EINTR) {
        break;
      }
    }
    child.close_input();
    while (!child.wait(std::min(deadline, Clock::now() + kSlice))) {
      if (cancelled_) return {fmt::format("{} was stopped: the program ends", name_), true};
      if (Clock::now() >= deadline)
        return {fmt::format("{} did not end within {} s and was killed", name_,
                            std::chrono::duration<double>(timeout_).count()),
                false};
    }
    const auto end = child.end();
    if (end && end->status == 0) return {};
    static_cast<void>(err.wait_end(Clock::now() + kSlice));
    const std::string last = err.last();
    return {fmt::format("{} ended with {}{}", name_, end ? end->text : "nothing", last.empty() ? "" : ": " + last),
            false};
  }

  sinks::exec::Command command_;
  std::string name_;
  const std::chrono::nanoseconds timeout_;
  const runtime::Logger log_;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace

std::unique_ptr<Courier> make_exec_courier(const config::Value& options, const runtime::Logger& log) {
  return std::make_unique<ExecCourier>(options, log);
}

}  // namespace mesura::alerts
