// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_digest.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace mesura::ct6::twin {

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15U];
  }
  return out;
}

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("SHA-256: expected OpenSSL to have it, got an error");
  return hex_of({reinterpret_cast<const char*>(digest.data()), size});
}

}  // namespace mesura::ct6::twin
