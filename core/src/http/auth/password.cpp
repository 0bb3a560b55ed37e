// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/auth/password.hpp"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>

#include <array>
#include <memory>
#include <span>
#include <stdexcept>

namespace mesura::http {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void fill_random(std::span<char> bytes) {
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw std::runtime_error("no random bytes from the kernel");
}

/// 32 KiB, too much for a stack that others share.
struct Crypt {
  std::unique_ptr<crypt_data> data = std::make_unique<crypt_data>();
  ~Crypt() { ::OPENSSL_cleanse(data.get(), sizeof *data); }
  const char* run(const char* password, const char* setting) const {
    return ::crypt_rn(password, setting, data.get(), static_cast<int>(sizeof *data));
  }
};

}  // namespace

std::string hash_password(const std::string& password, unsigned cost) {
  std::array<char, 16> random{};
  fill_random(random);
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  if (::crypt_gensalt_rn("$y$", cost, random.data(), static_cast<int>(random.size()), setting.data(),
                         static_cast<int>(setting.size())) == nullptr)
    throw std::runtime_error("libcrypt knows no yescrypt");
  const Crypt crypt;
  const char* const hash = crypt.run(password.c_str(), setting.data());
  if (hash == nullptr || hash[0] == '*') throw std::runtime_error("libcrypt can't hash this password");
  return hash;
}

bool verify_password(const std::string& password, const std::string& hash) {
  if (password.size() > kLongestPassword || password.find('\0') != std::string::npos) return false;
  const Crypt crypt;
  const char* const made = crypt.run(password.c_str(), hash.c_str());
  return made != nullptr && made[0] != '*' && equal_secrets(made, hash);
}

std::string random_secret() {
  std::array<char, 33> random{};  // 264 bits fill 44 characters
  fill_random(random);
  std::string out;
  for (std::size_t i = 0; i < random.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8U | static_cast<unsigned char>(random.at(i + j));
    for (unsigned shift = 24; shift > 0; shift -= 6) out += kBase64[group >> (shift - 6) & 63U];
  }
  out.pop_back();
  ::OPENSSL_cleanse(random.data(), random.size());
  return out;
}

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  if (::EVP_Digest(text.data(), text.size(), digest.data(), &size, ::EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("OpenSSL has no SHA-256");
  std::string out;
  for (const unsigned char byte : digest) (out += kHex[byte >> 4U]) += kHex[byte & 15U];
  return out;
}

bool equal_secrets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::string& secret) {
  ::OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace mesura::http
