// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/session.hpp"

#include <fmt/format.h>
#include <mqtt_protocol.h>

#include <cerrno>
#include <string_view>
#include <system_error>

namespace mesura::sinks::mqtt {
namespace {

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

int set_tls(mosquitto* session, const Options& options) {
  int result = MOSQ_ERR_SUCCESS;
  const auto try_to = [&](int r) {
    if (result == MOSQ_ERR_SUCCESS) result = r;
  };
  if (options.ca_file.empty()) try_to(::mosquitto_int_option(session, MOSQ_OPT_TLS_USE_OS_CERTS, 1));
  if (!options.ca_file.empty() || !options.cert_file.empty())
    try_to(::mosquitto_tls_set(session, or_null(options.ca_file), options.ca_file.empty() ? "/etc/ssl/certs" : nullptr,
                               or_null(options.cert_file), or_null(options.key_file), nullptr));
  if (options.insecure) try_to(::mosquitto_tls_insecure_set(session, true));
  return result;
}

}  // namespace

SessionPtr make_session(const Options& options, void* owner, std::string& problem) {
  static const int initialised = ::mosquitto_lib_init();
  SessionPtr session{::mosquitto_new(client_id_of(options).c_str(), true, owner)};
  if (initialised != MOSQ_ERR_SUCCESS || !session) {
    problem = fmt::format("sink-io: no connection can be made: {}", std::generic_category().message(errno));
    return {};
  }
  auto* const s = session.get();
  int result = MOSQ_ERR_SUCCESS;
  const auto try_to = [&](int r) {
    if (result == MOSQ_ERR_SUCCESS) result = r;
  };
  try_to(::mosquitto_int_option(s, MOSQ_OPT_PROTOCOL_VERSION,
                                options.protocol == Protocol::v5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311));
  // Small messages one after the other: Nagle would hold each until the one before is acknowledged.
  try_to(::mosquitto_int_option(s, MOSQ_OPT_TCP_NODELAY, 1));
  // Never more than that is handed over, so libmosquitto, whose own queue has no bound, never queues.
  try_to(::mosquitto_max_inflight_messages_set(s, static_cast<unsigned>(options.inflight)));
  if (!options.username.empty())
    try_to(::mosquitto_username_pw_set(s, options.username.c_str(), or_null(options.password)));
  if (options.availability != kNoAvailability) {
    constexpr std::string_view kOffline = "offline";
    try_to(::mosquitto_will_set_v5(s, options.availability.c_str(), static_cast<int>(kOffline.size()), kOffline.data(),
                                   1, true, nullptr));
  }
  if (result == MOSQ_ERR_SUCCESS && address_of(options).tls) {
    result = set_tls(s, options);
    if (result == MOSQ_ERR_INVAL) {
      problem = fmt::format(
          "sink-tls: {}: a certificate or key cannot be read\n  hint      `ca_file`, `cert_file` and `key_file` are "
          "PEM "
          "files that this user may read",
          address_of(options).text());
      return {};
    }
  }
  if (result != MOSQ_ERR_SUCCESS) {
    problem = fmt::format("sink-option: {}: {}", address_of(options).text(), ::mosquitto_strerror(result));
    return {};
  }
  set_callbacks(s);
  return session;
}

std::string explain(const Address& address, int result, int error) {
  const std::string where = address.text();
  const std::string what =
      result == MOSQ_ERR_ERRNO ? std::generic_category().message(error) : ::mosquitto_strerror(result);
  if (result == MOSQ_ERR_EAI)
    return fmt::format("sink-open: the name of the broker {} is not known: {}\n  hint      is it spelled right?", where,
                       what);
  if (result == MOSQ_ERR_TLS || result == MOSQ_ERR_TLS_HANDSHAKE)
    return fmt::format(
        "sink-tls: no secure connection to {}: {}\n  hint      does the broker speak TLS at this port, does `ca_file` "
        "vouch for its certificate, and does it want `cert_file` and `key_file`?",
        where, what);
  if (result == MOSQ_ERR_ERRNO && error == ECONNREFUSED)
    return fmt::format(
        "sink-open: no broker listens at {}: {}\n  hint      is it running, is the port right (usually 1883, with TLS "
        "8883)?",
        where, what);
  if (result == MOSQ_ERR_KEEPALIVE)
    return fmt::format("sink-gone: the broker at {} does not answer pings any more", where);
  if (result == MOSQ_ERR_SUCCESS || result == MOSQ_ERR_CONN_LOST || result == MOSQ_ERR_NO_CONN ||
      (result == MOSQ_ERR_ERRNO && (error == ECONNRESET || error == EPIPE)))
    return fmt::format("sink-gone: the connection to the broker at {} was lost", where);
  return fmt::format("sink-io: {}: {}", where, what);
}

std::string explain_refusal(const Address& address, const Options& options, int code) {
  constexpr int kVersion311 = 1;
  constexpr int kCredentials311 = 4;
  constexpr int kNotAuthorised311 = 5;
  const bool v5 = options.protocol == Protocol::v5;
  // A broker of 3.1.1 answers with its own codes whatever it was asked.
  const bool own = v5 && code >= 0x80;
  std::string hint;
  if (code == (own ? MQTT_RC_BAD_USERNAME_OR_PASSWORD : kCredentials311) ||
      code == (own ? MQTT_RC_NOT_AUTHORIZED : kNotAuthorised311)) {
    hint = "\n  hint      are `username` and `password` right, and may this client connect?";
  } else if (code == (own ? MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION : kVersion311)) {
    hint = v5 ? "\n  hint      try `protocol: 3.1.1`" : "\n  hint      try `protocol: 5`";
  }
  return fmt::format("sink-refused: the broker at {} refused the connection: {}{}", address.text(),
                     own ? ::mosquitto_reason_string(code) : ::mosquitto_connack_string(code), hint);
}

}  // namespace mesura::sinks::mqtt
