// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/channel.hpp"

#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace mesura::http {
namespace {

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

Channel::Channel(runtime::UniqueFd fd, SslPtr ssl) : fd_(std::move(fd)), ssl_(std::move(ssl)) {
  if (!ssl_) return;
  ::SSL_set_fd(ssl_.get(), fd_.get());
  ::SSL_set_accept_state(ssl_.get());
}

Channel::Result Channel::result_of(int returned) {
  switch (::SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ: wants_ = EPOLLIN; return {Status::wait, 0};
    case SSL_ERROR_WANT_WRITE: wants_ = EPOLLOUT; return {Status::wait, 0};
    case SSL_ERROR_ZERO_RETURN: return {Status::closed, 0};
    default: ::ERR_clear_error(); return {Status::failed, 0};
  }
}

Channel::Result Channel::handshake() {
  wants_ = 0;
  ::ERR_clear_error();
  const int returned = ::SSL_do_handshake(ssl_.get());
  return returned == 1 ? Result{} : result_of(returned);
}

Channel::Result Channel::read(char* into, std::size_t size) {
  wants_ = 0;
  if (ssl_) {
    ::ERR_clear_error();
    std::size_t n = 0;
    const int returned = ::SSL_read_ex(ssl_.get(), into, size, &n);
    return returned == 1 ? Result{Status::done, n} : result_of(returned);
  }
  const auto n = ::recv(fd_.get(), into, size, 0);
  if (n > 0) return {Status::done, static_cast<std::size_t>(n)};
  if (n == 0) return {Status::closed, 0};
  return {would_block(errno) ? Status::wait : Status::failed, 0};
}

Channel::Result Channel::write(std::string_view bytes) {
  wants_ = 0;
  if (ssl_) {
    ::ERR_clear_error();
    std::size_t n = 0;
    const int returned = ::SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &n);
    return returned == 1 ? Result{Status::done, n} : result_of(returned);
  }
  const auto n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (n >= 0) return {Status::done, static_cast<std::size_t>(n)};
  return {would_block(errno) ? Status::wait : Status::failed, 0};
}

void Channel::finish() {
  if (ssl_ && ::SSL_is_init_finished(ssl_.get()) == 1) {
    ::ERR_clear_error();
    ::SSL_shutdown(ssl_.get());
    ::ERR_clear_error();
  }
  ::shutdown(fd_.get(), SHUT_WR);
}

}  // namespace mesura::http
