// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "runtime/unique_fd.hpp"
#include "transport/byte_stream.hpp"
#include "transport/kinds.hpp"
#include "transport/reason.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace mesura::transport {
namespace {

using namespace std::chrono_literals;

/// A file or pipe from its beginning to its end, as fast as it comes; whatever happens is final.
class File final : public Transport {
 public:
  File(const config::Value& options, const Context& context) : context_(context), path_(options["path"].text()) {}
  ~File() override { close(); }

  void open(Listener& listener) override {
    listener_ = &listener;
    timer_ = context_.loop.after(0ns, [this] {
      timer_ = 0;
      start();
    });
  }

  void close() override {
    if (timer_ != 0) context_.loop.cancel(std::exchange(timer_, 0));
    if (watch_ != 0) context_.loop.unwatch(std::exchange(watch_, 0));
    owned_.reset();
    fd_ = -1;
    listener_ = nullptr;
  }

  bool send(Bytes /*bytes*/, std::string_view /*to*/) override { return false; }
  void pause(bool paused) override {
    if (std::exchange(paused_, paused) == paused || fd_ < 0) return;
    if (watch_ != 0)
      context_.loop.modify(watch_, paused ? 0U : EPOLLIN);
    else if (!paused && timer_ == 0)
      next_turn();
  }
  [[nodiscard]] std::string describe() const override { return "file " + (path_ == "-" ? "standard input" : path_); }
  [[nodiscard]] bool live() const override { return false; }

 private:
  void start() {
    if (path_ == "-") {
      fd_ = STDIN_FILENO;  // never closed, and never made non-blocking: the terminal shares it
    } else {
      owned_.reset(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
      fd_ = owned_.get();
    }
    struct stat status {};
    if (fd_ < 0 || ::fstat(fd_, &status) != 0) {
      fail(system_reason("open-failed", describe(), "a readable file", errno));
      return;
    }
    if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode) || !watch()) next_turn();
    listener_->on_open();
  }

  /// False for what epoll can't wait for (a file, /dev/null): that is always ready.
  bool watch() {
    try {
      watch_ = context_.loop.watch(fd_, EPOLLIN, [this](std::uint32_t) { read(); });
    } catch (const std::system_error& e) {
      if (e.code().value() == EPERM) return false;
      throw;
    }
    return true;
  }

  void next_turn() {
    timer_ = context_.loop.after(0ns, [this] {
      timer_ = 0;
      if (!paused_ && read() && !paused_) next_turn();
    });
  }

  /// True when there may be more.
  bool read() {
    const auto buffer = read_buffer();
    const ssize_t n = ::read(fd_, buffer.data(), buffer.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n > 0) {
      const auto size = static_cast<std::size_t>(n);
      const Meta meta{.received_ns = context_.loop.clock().wall_ns(), .offset = offset_};
      offset_ += size;
      listener_->on_bytes(buffer.first(size), meta);
      return listener_ != nullptr;
    }
    fail(n == 0 ? Reason{"ended", describe() + ": read to its end"}
                : system_reason("vanished", describe(), "to read on", errno));
    return false;
  }

  void fail(const Reason& reason) {
    auto* const listener = listener_;
    close();
    listener->on_closed(reason, true);
  }

  Context context_;
  std::string path_;
  Listener* listener_ = nullptr;
  runtime::UniqueFd owned_;
  int fd_ = -1;
  runtime::EventLoop::WatchId watch_ = 0;
  runtime::EventLoop::TimerId timer_ = 0;
  std::uint64_t offset_ = 0;
  bool paused_ = false;
};

}  // namespace

Kind file_kind() {
  return {
      "file",
      config::object({config::required("path", config::of(config::Type::path, "the file, or - for standard input"))},
                     "raw bytes from a file or a pipe, as fast as they can be read"),
      [](const config::Value& options, const Context& context) -> std::unique_ptr<Transport> {
        return std::make_unique<File>(options, context);
      }};
}

}  // namespace mesura::transport
