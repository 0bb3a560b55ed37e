// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/channel.hpp"
#include "http/options.hpp"
#include "runtime/log.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace mesura::http {

/// A listener's certificate and key: TLS 1.2 and 1.3. Changed files are taken for new connections, once they fit
/// together; until then the old ones go on.
class TlsContext {
 public:
  /// Throws ListenError (http-tls).
  TlsContext(TlsFiles files, runtime::Logger log);

  /// For one connection. Looks at most every 2 s whether the files have changed. Null: out of memory.
  [[nodiscard]] SslPtr make();
  /// Looks now.
  void reload();

 private:
  using ContextPtr = std::unique_ptr<SSL_CTX, SslFree>;
  [[nodiscard]] ContextPtr load() const;
  [[nodiscard]] std::string stamp() const;

  TlsFiles files_;
  runtime::Logger log_;
  std::string stamp_;
  ContextPtr context_;
  std::chrono::steady_clock::time_point looked_;
};

}  // namespace mesura::http
