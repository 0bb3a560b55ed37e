// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "service/control_call.hpp"

#include "service/control.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace mesura::service {

ControlCall::ControlCall(runtime::EventLoop& loop, const std::filesystem::path& socket,
                         const std::vector<std::string>& words, Callbacks callbacks)
    : loop_(loop), callbacks_(std::move(callbacks)), fd_(connect_control(socket)) {
  if (::fcntl(fd_.get(), F_SETFL, O_NONBLOCK) != 0)
    throw std::system_error(errno, std::generic_category(), socket.string());
  out_ = request_line(words);
  watch_ = loop_.watch(fd_.get(), EPOLLIN | EPOLLOUT, [this](std::uint32_t events) { on_events(events); });
}

ControlCall::~ControlCall() {
  if (watch_ != 0) loop_.unwatch(watch_);
}

void ControlCall::call_off() {
  // What has not gone out would be half a request.
  out_.clear();
  sent_ = 0;
  if (fd_) ::shutdown(fd_.get(), SHUT_WR);
}

void ControlCall::on_events(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0U) flush();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0U) read();
}

void ControlCall::flush() {
  while (sent_ < out_.size()) {
    const auto n = ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) break;  // read() tells its last words, and that it is gone
    sent_ += static_cast<std::size_t>(n);
  }
  out_.clear();
  sent_ = 0;
  loop_.modify(watch_, EPOLLIN);
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
