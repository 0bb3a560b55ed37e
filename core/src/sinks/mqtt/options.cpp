// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/options.hpp"

#include "runtime/socket_address.hpp"
#include "sinks/mqtt/topic.hpp"

#include <fmt/format.h>
#include <mosquitto.h>
#include <unistd.h>

#include <array>
#include <charconv>

namespace mesura::sinks::mqtt {
namespace {

bool is_topic(const std::string& text) {
  return !text.empty() && ::mosquitto_pub_topic_check2(text.data(), text.size()) == MOSQ_ERR_SUCCESS &&
         ::mosquitto_validate_utf8(text.data(), static_cast<int>(text.size())) == MOSQ_ERR_SUCCESS;
}

// user@host:port/path without its scheme.
std::string_view behind_scheme(std::string_view url) {
  const auto mark = url.find("://");
  return mark == std::string_view::npos ? url : url.substr(mark + 3);
}

std::string no_topic(std::string_view option, const std::string& value) {
  return fmt::format(
      "sink-option: `{}` must be a topic to publish to, got '{}'\n  hint      no + and #, at most 65535 bytes", option,
      value);
}

}  // namespace

std::string Address::text() const { return runtime::join_host_port(host, port); }

Address address_of(const Options& options) {
  Address out;
  out.tls = options.url.substr(0, 8) == "mqtts://";
  out.port = out.tls ? 8883 : 1883;
  std::string_view rest = behind_scheme(options.url);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
  std::string_view port;
  if (rest.substr(0, 1) == "[") {
    const auto end = rest.find(']');
    out.host = rest.substr(1, end == std::string_view::npos ? end : end - 1);
    if (end != std::string_view::npos) port = rest.substr(end + 1);
  } else {
    const auto colon = rest.find(':');
    out.host = rest.substr(0, colon);
    if (colon != std::string_view::npos) port = rest.substr(colon);
  }
  if (port.size() > 1) std::from_chars(port.data() + 1, port.data() + port.size(), out.port);
  return out;
}

std::string problem_of(const Options& options) {
  const std::string_view rest = behind_scheme(options.url);
  if (rest.find('@') != std::string_view::npos)
    return "sink-option: `url` holds a user\n  hint      write `username` and `password` beside it, the latter as "
           "!secret";
  if (const auto path = rest.find_first_of("/?#"); path != std::string_view::npos && path + 1 < rest.size())
    return fmt::format(
        "sink-option: `url` has '{}' behind the address\n  hint      where messages go is said by `topic`",
        rest.substr(path));
  std::string problem;
  const auto topic = TopicTemplate::parse(options.topic, problem);
  if (!topic) return problem;
  if (options.payload == Payload::value && !topic->per_measurement())
    return fmt::format(
        "sink-option: `payload: value` carries one measurement, but `topic` {} makes one message of a batch\n  hint    "
        "  write mesura/{{device}}/{{name}} or {{channel}} and {{quantity}}",
        options.topic);
  if (options.availability != kNoAvailability && !is_topic(options.availability))
    return no_topic("availability", options.availability);
  if (options.home_assistant) {
    if (options.payload == Payload::influx)
      return "sink-option: Home Assistant cannot read `payload: influx`\n  hint      json or value";
    if (topic->per_measurement() ? !topic->names_series() : !topic->names_device())
      return fmt::format(
          "sink-option: in `topic` '{}' Home Assistant cannot tell whose a message is\n  hint      {{device}} must be "
          "in "
          "it, and, with one message of each measurement, {{name}} or {{channel}} and {{quantity}}",
          options.topic);
    if (!is_topic(options.discovery_prefix)) return no_topic("discovery_prefix", options.discovery_prefix);
    if (!is_topic(options.birth_topic)) return no_topic("birth_topic", options.birth_topic);
  }
  if (options.cert_file.empty() != options.key_file.empty())
    return "sink-option: `cert_file` and `key_file` go together, got one of them";
  return {};
}

std::string client_id_of(const Options& options) {
  if (!options.client_id.empty()) return options.client_id;
  std::array<char, 65> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::uint64_t hash = 14695981039346656037U;  // FNV-1a
  for (const std::string_view part : {std::string_view{options.url}, std::string_view{options.username},
                                      std::string_view{options.topic}, std::string_view{options.availability}}) {
    for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    hash *= 1099511628211U;
  }
  return fmt::format("mesura-{}-{:08x}", host.data(), static_cast<std::uint32_t>(hash ^ hash >> 32U));
}

}  // namespace mesura::sinks::mqtt
