// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/tls.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <sys/stat.h>

#include <array>
#include <string_view>
#include <utility>

namespace mesura::http {
namespace {

constexpr std::chrono::seconds kLookEvery{2};

/// The first of OpenSSL's errors in its words; the queue is empty afterwards.
std::string openssl_error() {
  std::array<char, 256> text{};
  ::ERR_error_string_n(::ERR_get_error(), text.data(), text.size());
  ::ERR_clear_error();
  // "error:80000002:system library::No such file or directory"
  const std::string_view all{text.data()};
  const auto colon = all.rfind(':');
  return std::string{colon == std::string_view::npos ? all : all.substr(colon + 1)};
}

/// No passphrase is asked for on a terminal that a service has not.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return 0; }

}  // namespace

TlsContext::TlsContext(TlsFiles files, runtime::Logger log)
    : files_(std::move(files)),
      log_(std::move(log)),
      stamp_(stamp()),
      context_(load()),
      looked_(std::chrono::steady_clock::now()) {}

std::string TlsContext::stamp() const {
  std::string out;
  for (const auto* path : {&files_.certificate, &files_.key}) {
    struct stat info {};
    if (::stat(path->c_str(), &info) != 0) return {};
    fmt::format_to(std::back_inserter(out), "{}:{}:{}:{} ", info.st_ino, info.st_size, info.st_mtim.tv_sec,
                   info.st_mtim.tv_nsec);
  }
  return out;
}

TlsContext::ContextPtr TlsContext::load() const {
  const auto fail = [](std::string_view what, const std::string& file, std::string_view hint) {
    return ListenError("http-tls", fmt::format("{} {}: {}\n  hint      {}", what, file, openssl_error(), hint));
  };
  ContextPtr context{::SSL_CTX_new(::TLS_server_method())};
  if (!context) throw ListenError("http-tls", "OpenSSL: " + openssl_error());
  ::SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  ::SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                           SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  ::SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  ::SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
  if (::SSL_CTX_use_certificate_chain_file(context.get(), files_.certificate.c_str()) != 1)
    throw fail("can't use the certificate", files_.certificate,
               "a PEM file: the server's certificate first, then the chain");
  if (::SSL_CTX_use_PrivateKey_file(context.get(), files_.key.c_str(), SSL_FILETYPE_PEM) != 1)
    throw fail("can't use the key", files_.key, "a PEM file without passphrase, of the same pair as the certificate");
  if (::SSL_CTX_check_private_key(context.get()) != 1)
    throw fail("the key is not that of the certificate:", files_.key, "take both from the same pair");
  return context;
}

void TlsContext::reload() {
  looked_ = std::chrono::steady_clock::now();
  auto now = stamp();
  if (now == stamp_) return;
  stamp_ = std::move(now);  // files that don't fit are told once
  try {
    context_ = load();
    log_.info("http-tls-reload", "certificate {} has been read anew", files_.certificate);
  } catch (const ListenError& e) {
    log_.warn("http-tls", "changed certificate or key not taken, the old ones go on: {}", e.what());
  }
}

SslPtr TlsContext::make() {
  if (std::chrono::steady_clock::now() - looked_ >= kLookEvery) reload();
  return SslPtr{::SSL_new(context_.get())};
}

}  // namespace mesura::http
