// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "framer.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

struct evp_cipher_ctx_st;

namespace mesura::dsmr_p1 {

using Key = std::array<std::uint8_t, 16>;

/// The parts of a general-glo-ciphering frame, suite 0.
///
///     DB | 08 | system title (8) | length (1..3) | SC | FC (4, big endian) | ciphertext (n) | tag (12)
struct CipherParts {
  std::uint8_t security_control = 0;
  std::uint32_t frame_counter = 0;
  Bytes title;
  Bytes ciphertext;
  Bytes tag;
};

/// Takes a frame apart whose structure the framer has checked.
[[nodiscard]] CipherParts split_cipher(Bytes frame);

/// AES-128 in the two modes that P1 frames need.
///
/// thread  one caller at a time
/// errors  throws std::runtime_error when libcrypto lacks the algorithms
/// source  DLMS UA 1000-2 (security suite 0); NIST SP 800-38D
class Cipher {
 public:
  Cipher(const Key& encryption_key, const Key& authentication_key);
  ~Cipher();
  Cipher(const Cipher&) = delete;
  Cipher& operator=(const Cipher&) = delete;

  /// Decrypts into `plain` (as long as the ciphertext; bytes behind it are left alone). Whether the tag fits.
  bool authenticated(const CipherParts& parts, std::uint8_t* plain);
  /// The same without looking at the tag.
  void unverified(const CipherParts& parts, std::uint8_t* plain);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  Key encryption_key_;
  Key authentication_key_;
  std::unique_ptr<evp_cipher_ctx_st, Free> gcm_;
  std::unique_ptr<evp_cipher_ctx_st, Free> ctr_;
};

}  // namespace mesura::dsmr_p1
