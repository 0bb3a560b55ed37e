// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/unique_fd.hpp"

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace mesura::http {

struct SslFree {
  void operator()(SSL* ssl) const { ::SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { ::SSL_CTX_free(context); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;

/// Bytes to and from a non-blocking socket, through TLS or not. The calling thread must have SIGPIPE blocked.
class Channel {
 public:
  enum class Status : std::uint8_t { done, wait, closed, failed };
  struct Result {
    Status status = Status::done;
    std::size_t bytes = 0;
  };

  explicit Channel(runtime::UniqueFd fd, SslPtr ssl = nullptr);

  /// TLS: call again after `wait`, when the socket is ready for wants().
  Result handshake();
  Result read(char* into, std::size_t size);
  Result write(std::string_view bytes);
  /// Says that nothing follows. Never blocks.
  void finish();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool secure() const { return ssl_ != nullptr; }
  /// Bytes wait inside TLS, of which the socket knows nothing.
  [[nodiscard]] bool has_pending() const { return ssl_ && ::SSL_has_pending(ssl_.get()) == 1; }
  /// EPOLLIN or EPOLLOUT, when the last call that had to wait waits for that and no matter what it wanted to do.
  [[nodiscard]] std::uint32_t wants() const { return wants_; }

 private:
  Result result_of(int returned);

  runtime::UniqueFd fd_;
  SslPtr ssl_;
  std::uint32_t wants_ = 0;
};

}  // namespace mesura::http
