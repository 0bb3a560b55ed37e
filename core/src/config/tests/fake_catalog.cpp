// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "fake_catalog.hpp"

#include <map>
#include <stdexcept>
#include <utility>

namespace mesura::config::fake {
namespace {

constexpr std::string_view kMeter = R"(
plugin: meter
version: 1.2.3
summary: A meter with an option of each type
stale_after: 20s
links:
  - name: data
    transports: [serial, tcp, tcp_listen, file]
    help: the meter's output
    defaults: {serial: {baud: 9600, format: 7E1}, tcp: {port: 23}}
roles: {total: grid, pv*: solar}
options:
  enabled_registers: {type: bool, default: true, help: "whether registers are emitted"}
  retries: {type: integer, default: 3, min: 0, max: 10, help: "tries"}
  factor: {type: number, default: 1.5, min: 0.1, help: "scale", unit: W}
  greeting: {type: text, default: "/?!", help: "what it is asked with"}
  profile: {type: enum, values: [auto, nl2, be], default: auto, help: "dialect"}
  every: {type: duration, default: 10s, min: 1s, max: 1h, help: "cadence"}
  buffer: {type: size, default: 64KiB, max: 1MiB, help: "memory"}
  zone: {type: zone, help: "its clock's zone"}
  key: {type: secret, format: hex32, help: "decryption key"}
  directory: {type: path, help: "where"}
  fields: {type: list, values: [voltage, current, power], help: "what"}
  tariffs: {type: map, default: {}, help: "labels"}
quantities:
  bell_count: {kind: register, help: "rings of the bell"}
commands:
  reset: {help: "start anew", arguments: {delay: {type: duration, default: 1s, help: "when"}}, danger: dangerous}
)";

constexpr std::string_view kDuo = R"(
plugin: duo
version: 0.1.0
summary: Two links and one that may be left out
links:
  - {name: command, transports: [tcp]}
  - {name: data, transports: [tcp, udp], help: "where the samples come from"}
  - {name: aux, transports: [udp], optional: true}
options:
  rate: {type: integer, required: true, help: "samples per second"}
)";

constexpr std::string_view kUnits = R"(
plugin: units
version: 0.1.0
summary: Units that are found, one or many
links:
  - {name: data, transports: [udp, tcp_listen]}
export_positive: ["ct*"]
integrate: {"ct*": mean, battery: samples}
fleet: [serial, address]
options:
  interval: {type: duration, default: 1s, min: 100ms, help: "from one answer to the next"}
  measures: {type: enum, values: [all, one], default: all, refused: {some: "nobody knows which"}, help: "what is sent"}
)";

PluginSchema plugin(std::string_view yaml) {
  auto result = parse_plugin_schema(yaml, "schema.yaml");
  if (!result.schema) throw std::logic_error(render_text(result.diagnostics.list().front()));
  return *result.schema;
}

Catalog make() {
  Catalog c;
  c.plugins = {plugin(kMeter), plugin(kDuo), plugin(kUnits)};
  c.transports = {
      required("serial", object({required("path", of(Type::path, "the port")),
                                 optional("baud", of(Type::rate, "speed"), "115200"),
                                 optional("format", enumeration({"8N1", "7E1"}, "bits"), "8N1")},
                                "a serial port")),
      required("tcp", object({required("host", of(Type::host, "where")), required("port", of(Type::port, "port")),
                              optional("timeout", duration("patience", "100ms", "10m"), "10s")},
                             "a TCP client")),
      required("tcp_listen", object({required("listen", of(Type::address, "own address"))}, "a TCP server")),
      required("udp", object({optional("host", of(Type::host, "where")), optional("port", of(Type::port, "port"))},
                             "datagrams")),
      required("file", object({required("path", of(Type::path, "the file"))}, "a file")),
      required("hid", object({required("path", of(Type::path, "the device"))}, "a HID device"))};
  c.sinks = {required("sqlite",
                      object({required("path", of(Type::path, "the database")),
                              optional("retention", object({optional("raw", duration("age", "1h"))}, "what is kept"))},
                             "an SQLite database")),
             required("csv", object({required("path", of(Type::path, "the file")),
                                     optional("columns", list(text("a column"), "what is written", true))},
                                    "a CSV file")),
             required("mqtt", object({required("url",
                                               [] {
                                                 Schema s = of(Type::url, "the broker");
                                                 s.values = {"mqtt", "mqtts"};
                                                 return s;
                                               }()),
                                      optional("password", secret("its password"))},
                                     "an MQTT broker")),
             required("recording", object({required("path", of(Type::path, "the directory"))}, "waveforms in files"))};
  c.waveform_sinks = {"recording"};
  return c;
}

}  // namespace

const Catalog& catalog() {
  static const Catalog kCatalog = make();
  return kCatalog;
}

Environment environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    static const std::map<std::string, std::string> kVariables{
        {"METER_HOST", "p1.example"}, {"PORT", "2001"}, {"PASSWORD", "correct-horse"}, {"EMPTY", ""}};
    const auto it = kVariables.find(name);
    return it == kVariables.end() ? std::nullopt : std::optional{it->second};
  };
}

}  // namespace mesura::config::fake
