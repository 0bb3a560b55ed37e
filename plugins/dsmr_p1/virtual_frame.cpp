// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_frame.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <memory>
#include <stdexcept>
#include <vector>

namespace mesura::dsmr_p1::twin {
namespace {

constexpr std::size_t kTagBytes = 12;
constexpr std::uint8_t kSecurityControl = 0x30;  // suite 0, authenticated, encrypted

std::array<std::uint16_t, 256> make_table() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1u) != 0 ? (crc >> 1) ^ 0xA001u : crc >> 1;
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}

/// BER length in its shortest form.
void append_length(std::vector<std::uint8_t>& out, std::size_t length) {
  if (length >= 0x100) {
    out.push_back(0x82);
    out.push_back(static_cast<std::uint8_t>(length >> 8));
  } else if (length >= 0x80) {
    out.push_back(0x81);
  }
  out.push_back(static_cast<std::uint8_t>(length & 0xFF));
}

void append_counter(std::vector<std::uint8_t>& out, std::uint32_t counter) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>((counter >> shift) & 0xFF));
}

void require(int result) {
  if (result != 1) throw std::runtime_error("AES-128-GCM failed in the cipher library");
}

}  // namespace

std::uint16_t arc(std::string_view bytes) {
  static const std::array<std::uint16_t, 256> table = make_table();
  unsigned crc = 0;
  for (const char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xFFu];
  return static_cast<std::uint16_t>(crc);
}

std::string seal(std::string body, CrcStyle style) {
  body += '!';
  switch (style) {
    case CrcStyle::padded: body += fmt::format("{:04X}", arc(body)); break;
    case CrcStyle::lower: body += fmt::format("{:04x}", arc(body)); break;
    case CrcStyle::unpadded: body += fmt::format("{:X}", arc(body)); break;
    case CrcStyle::none: break;
  }
  body += "\r\n";
  return body;
}

std::string encrypt(std::string_view telegram, const CipherKey& encryption_key, const CipherKey& authentication_key,
                    const SystemTitle& title, std::uint32_t frame_counter) {
  const std::size_t length = 1 + 4 + telegram.size() + kTagBytes;
  if (length > 0xFFFF)
    throw std::invalid_argument(fmt::format("an encrypted frame holds at most 65518 bytes, got {}", telegram.size()));

  std::vector<std::uint8_t> iv(title.begin(), title.end());
  append_counter(iv, frame_counter);
  std::vector<std::uint8_t> authenticated{kSecurityControl};
  authenticated.insert(authenticated.end(), authentication_key.begin(), authentication_key.end());

  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context{EVP_CIPHER_CTX_new(),
                                                                                &EVP_CIPHER_CTX_free};
  if (!context) throw std::runtime_error("AES-128-GCM failed in the cipher library");
  std::vector<std::uint8_t> cipher(telegram.size());
  std::array<std::uint8_t, kTagBytes> tag{};
  int written = 0;
  // GCM's default IV is 12 bytes, which is what title and counter make.
  require(EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, encryption_key.data(), iv.data()));
  require(EVP_EncryptUpdate(context.get(), nullptr, &written, authenticated.data(),
                            static_cast<int>(authenticated.size())));
  require(EVP_EncryptUpdate(context.get(), cipher.data(), &written,
                            reinterpret_cast<const std::uint8_t*>(telegram.data()), static_cast<int>(telegram.size())));
  require(EVP_EncryptFinal_ex(context.get(), cipher.data() + written, &written));
  require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(tag.size()), tag.data()));

  std::vector<std::uint8_t> frame{0xDB, static_cast<std::uint8_t>(title.size())};
  frame.insert(frame.end(), title.begin(), title.end());
  append_length(frame, length);
  frame.push_back(kSecurityControl);
  append_counter(frame, frame_counter);
  frame.insert(frame.end(), cipher.begin(), cipher.end());
  frame.insert(frame.end(), tag.begin(), tag.end());
  return std::string{frame.begin(), frame.end()};
}

}  // namespace mesura::dsmr_p1::twin
