// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "service/control_call.hpp"

#include "service/control.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace mesura::service {

ControlCall::ControlCall(runtime::EventLoop& loop, const std::filesystem::path& socket,
                         const std::vector<std::string>& words, Callbacks callbacks)
    : loop_(loop), callbacks_(std::move(callbacks)), fd_(send_request(socket, words)) {
  if (!fd_ || ::fcntl(fd_.get(), F_SETFL, O_NONBLOCK) != 0)
    throw std::system_error(errno, std::generic_category(), "control socket " + socket.string());
  watch_ = loop_.watch(fd_.get(), EPOLLIN, [this](std::uint32_t) { read(); });
}

ControlCall::~ControlCall() {
  if (watch_ != 0) loop_.unwatch(watch_);
}

void ControlCall::call_off() {
  if (fd_) ::shutdown(fd_.get(), SHUT_WR);
}

void ControlCall::read() {
  char buffer[65536];
  for (;;) {
    const auto n = ::read(fd_.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return finish();
    std::string_view more{buffer, static_cast<std::size_t>(n)};
    for (auto end = more.find('\n'); end != std::string_view::npos; end = more.find('\n')) {
      in_.append(more.substr(0, end));
      more.remove_prefix(end + 1);
      const std::string line = std::exchange(in_, {});
      if (!std::exchange(answered_, true))
        good_ = line == "ok";
      else
        callbacks_.line(good_, line);
    }
    in_.append(more);
  }
}

void ControlCall::finish() {
  loop_.unwatch(std::exchange(watch_, 0));
  fd_ = runtime::UniqueFd{};
  if (answered_ && !in_.empty()) callbacks_.line(good_, std::exchange(in_, {}));
  const auto end = std::exchange(callbacks_.end, nullptr);
  if (end) end(answered_);
}

}  // namespace mesura::service
