// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/byte_stream.hpp"

#include "transport/reason.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace mesura::transport {

using namespace std::chrono_literals;

std::span<std::uint8_t> read_buffer() {
  thread_local std::vector<std::uint8_t> buffer(kReadSize);
  return buffer;
}

ByteStream::ByteStream(const Context& context, runtime::UniqueFd fd, Type type, std::string what, Handlers handlers)
    : context_(context), fd_(std::move(fd)), type_(type), what_(std::move(what)), handlers_(std::move(handlers)) {
  watch_ = context_.loop.watch(fd_.get(), wanted_events(), [this](std::uint32_t events) { on_events(events); });
}

ByteStream::~ByteStream() { close(); }

void ByteStream::close() {
  if (!fd_) return;
  context_.loop.unwatch(std::exchange(watch_, 0));
  if (failed_ != 0) context_.loop.cancel(std::exchange(failed_, 0));
  fd_.reset();
  queue_ = {};
  sent_ = 0;
}

bool ByteStream::send(Bytes bytes) {
  if (!fd_ || failed_ != 0 || queue_.size() - sent_ + bytes.size() > kSendBound) return false;
  if (queue_.empty() && !write_some(bytes)) return false;
  queue_.insert(queue_.end(), bytes.begin(), bytes.end());
  update_watch();
  return true;
}

void ByteStream::drop_queue() {
  queue_.clear();
  sent_ = 0;
  if (fd_) update_watch();
}

bool ByteStream::write_some(Bytes& bytes) {
  while (!bytes.empty()) {
    const ssize_t n = type_ == Type::socket ? ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL)
                                            : ::write(fd_.get(), bytes.data(), bytes.size());
    if (n >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      return true;
    } else if (errno != EINTR) {
      // The caller may be inside its own send(): the end is told by the loop.
      failed_ = context_.loop.after(0ns, [this, error = errno] {
        failed_ = 0;
        end(lost(error));
      });
      return false;
    }
  }
  return true;
}

void ByteStream::flush() {
  Bytes rest = Bytes{queue_}.subspan(sent_);
  if (!write_some(rest)) return;
  sent_ = queue_.size() - rest.size();
  if (rest.empty()) {
    queue_.clear();
    sent_ = 0;
  } else if (sent_ > kSendBound / 2) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(sent_));
    sent_ = 0;
  }
  update_watch();
}

void ByteStream::update_watch() {
  if (const bool wants = !queue_.empty(); wants != wants_write_) {
    wants_write_ = wants;
    context_.loop.modify(watch_, wanted_events());
  }
}

void ByteStream::pause(bool paused) {
  if (paused_ == paused) return;
  paused_ = paused;
  if (fd_) context_.loop.modify(watch_, wanted_events());
}

std::uint32_t ByteStream::wanted_events() const {
  std::uint32_t events = paused_ ? 0U : EPOLLIN;
  if (wants_write_) events |= EPOLLOUT;
  // A master without other end reports its hang-up for as long as that lasts, unless it reports only changes.
  if (type_ == Type::pty_master) events |= EPOLLET;
  return events;
}

void ByteStream::on_events(std::uint32_t events) {
  const bool hung_up = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (type_ == Type::pty_master) {
    read_master();
  } else if (hung_up || (events & EPOLLIN) != 0) {
    read(hung_up);
  }
  if (fd_ && failed_ == 0 && (events & EPOLLOUT) != 0) flush();
}

void ByteStream::read(bool hung_up) {
  const auto buffer = read_buffer();
  const ssize_t n = ::read(fd_.get(), buffer.data(), buffer.size());
  if (n > 0) {
    deliver(buffer.first(static_cast<std::size_t>(n)));
    return;
  }
  const int error = n < 0 ? errno : 0;
  const bool nothing_now = error == EAGAIN || error == EINTR || (n == 0 && type_ == Type::terminal);
  // A hang-up is reported for ever: whoever only looks at the read would spin.
  if (nothing_now && !hung_up) return;
  end(n == 0 && type_ == Type::socket
          ? make_reason("eof", what_, "an open connection", "the end of it: closed by the peer")
          : lost(nothing_now ? EIO : error));
}

void ByteStream::read_master() {
  // Reported changes have to be read to their end; after some rounds others get their turn.
  constexpr int kRounds = 16;
  for (int i = 0; i < kRounds; ++i) {
    const auto buffer = read_buffer();
    const ssize_t n = ::read(fd_.get(), buffer.data(), buffer.size());
    if (n <= 0) {
      if (n < 0 && errno == EIO) {
        drop_queue();
        if (handlers_.on_hang_up) handlers_.on_hang_up();
      }
      return;
    }
    deliver(buffer.first(static_cast<std::size_t>(n)));
    if (!fd_) return;
  }
  context_.loop.modify(watch_, wanted_events());
}

void ByteStream::deliver(std::span<std::uint8_t> bytes) {
  const Meta meta{.received_ns = context_.loop.clock().wall_ns(), .offset = offset_};
  offset_ += bytes.size();
  handlers_.on_bytes(bytes, meta);
}

Reason ByteStream::lost(int error) const {
  if (type_ == Type::terminal)
    return make_reason("vanished", what_, "a connected port", errno_text(error),
                       "unplugged, or the adapter was reset?");
  return system_reason(error == ECONNREFUSED ? "refused" : "vanished", what_, "an open connection", error);
}

void ByteStream::end(Reason reason) {
  close();
  handlers_.on_end(std::move(reason));
}

}  // namespace mesura::transport
