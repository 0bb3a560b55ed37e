// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "cipher.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <stdexcept>

namespace mesura::dsmr_p1 {
namespace {

constexpr std::size_t kTitleAt = 2, kTitleSize = 8, kTagSize = 12, kCounterSize = 4;
constexpr std::size_t kNonceSize = kTitleSize + kCounterSize;

void must(int result) {
  if (result != 1) throw std::runtime_error("libcrypto refuses AES-128-GCM; a FIPS or reduced build?");
}

std::array<std::uint8_t, kNonceSize> nonce_of(const CipherParts& parts) {
  std::array<std::uint8_t, kNonceSize> nonce{};
  std::copy_n(parts.title.begin(), kTitleSize, nonce.begin());
  for (std::size_t i = 0; i < kCounterSize; ++i)
    nonce[kTitleSize + i] = static_cast<std::uint8_t>(parts.frame_counter >> (24U - 8U * i));
  return nonce;
}

}  // namespace

CipherParts split_cipher(Bytes frame) {
  CipherParts parts;
  parts.title = frame.subspan(kTitleAt, kTitleSize);
  const std::uint8_t length = frame[kTitleAt + kTitleSize];
  Bytes rest = frame.subspan(kTitleAt + kTitleSize + 1 + (length < 0x80 ? 0U : length - 0x80U));
  parts.security_control = rest[0];
  for (std::size_t i = 0; i < kCounterSize; ++i) parts.frame_counter = parts.frame_counter << 8U | rest[1 + i];
  rest = rest.subspan(1 + kCounterSize);
  parts.ciphertext = rest.first(rest.size() - kTagSize);
  parts.tag = rest.last(kTagSize);
  return parts;
}

void Cipher::Free::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }

Cipher::Cipher(const Key& encryption_key, const Key& authentication_key)
    : encryption_key_(encryption_key),
      authentication_key_(authentication_key),
      gcm_(EVP_CIPHER_CTX_new()),
      ctr_(EVP_CIPHER_CTX_new()) {
  if (!gcm_ || !ctr_) throw std::bad_alloc{};
  must(EVP_DecryptInit_ex(gcm_.get(), EVP_aes_128_gcm(), nullptr, nullptr, nullptr));
  must(EVP_CIPHER_CTX_ctrl(gcm_.get(), EVP_CTRL_GCM_SET_IVLEN, static_cast<int>(kNonceSize), nullptr));
  must(EVP_DecryptInit_ex(gcm_.get(), nullptr, nullptr, encryption_key_.data(), nullptr));
  must(EVP_DecryptInit_ex(ctr_.get(), EVP_aes_128_ctr(), nullptr, encryption_key_.data(), nullptr));
}

Cipher::~Cipher() {
  OPENSSL_cleanse(encryption_key_.data(), encryption_key_.size());
  OPENSSL_cleanse(authentication_key_.data(), authentication_key_.size());
}

bool Cipher::authenticated(const CipherParts& parts, std::uint8_t* plain) {
  const auto nonce = nonce_of(parts);
  std::array<std::uint8_t, 1 + sizeof(Key)> additional{parts.security_control};
  std::copy(authentication_key_.begin(), authentication_key_.end(), additional.begin() + 1);
  std::array<std::uint8_t, kTagSize> tag{};
  std::copy(parts.tag.begin(), parts.tag.end(), tag.begin());

  int written = 0;
  must(EVP_DecryptInit_ex(gcm_.get(), nullptr, nullptr, nullptr, nonce.data()));
  must(EVP_DecryptUpdate(gcm_.get(), nullptr, &written, additional.data(), static_cast<int>(additional.size())));
  must(EVP_DecryptUpdate(gcm_.get(), plain, &written, parts.ciphertext.data(),
                         static_cast<int>(parts.ciphertext.size())));
  must(EVP_CIPHER_CTX_ctrl(gcm_.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTagSize), tag.data()));
  OPENSSL_cleanse(additional.data(), additional.size());
  return EVP_DecryptFinal_ex(gcm_.get(), plain + written, &written) == 1;
}

void Cipher::unverified(const CipherParts& parts, std::uint8_t* plain) {
  const auto nonce = nonce_of(parts);
  std::array<std::uint8_t, 16> counter{};  // GCM's first block of key stream is nonce || 00000002
  std::copy(nonce.begin(), nonce.end(), counter.begin());
  counter.back() = 2;
  int written = 0;
  must(EVP_DecryptInit_ex(ctr_.get(), nullptr, nullptr, nullptr, counter.data()));
  must(EVP_DecryptUpdate(ctr_.get(), plain, &written, parts.ciphertext.data(),
                         static_cast<int>(parts.ciphertext.size())));
}

}  // namespace mesura::dsmr_p1
