// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "support/certificate.hpp"

#include "support/catch.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>

namespace mesura::test {
namespace {

template <auto Free>
struct Freeing {
  template <class T>
  void operator()(T* object) const {
    (void)Free(object);
  }
};
using File = std::unique_ptr<std::FILE, Freeing<std::fclose>>;

void extend(X509* certificate, int kind, const char* value) {
  const std::unique_ptr<X509_EXTENSION, Freeing<X509_EXTENSION_free>> extension{
      X509V3_EXT_conf_nid(nullptr, nullptr, kind, value)};
  REQUIRE(extension != nullptr);
  REQUIRE(X509_add_ext(certificate, extension.get(), -1) == 1);
}

}  // namespace

void make_certificate(const std::string& certificate_file, const std::string& key_file) {
  const std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>> key{EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")};
  const std::unique_ptr<X509, Freeing<X509_free>> certificate{X509_new()};
  REQUIRE(key != nullptr);
  REQUIRE(certificate != nullptr);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  auto* const name = X509_get_subject_name(certificate.get());
  const std::string host = "localhost";
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(host.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  extend(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(certificate.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  REQUIRE(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  const File certificate_out{std::fopen(certificate_file.c_str(), "w")};
  const File key_out{std::fopen(key_file.c_str(), "w")};
  REQUIRE(PEM_write_X509(certificate_out.get(), certificate.get()) == 1);
  REQUIRE(PEM_write_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
}

}  // namespace mesura::test
