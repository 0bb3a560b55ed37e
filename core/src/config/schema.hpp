// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mesura::config {

enum class Type {
  boolean,
  integer,
  number,
  text,         ///< not empty
  secret,       ///< text; !secret, ${ENV}, file: resolved; never shown
  enumeration,
  duration,     ///< "10s"; ns
  size,         ///< "64MiB"; bytes
  path,
  zone,         ///< IANA, must exist
  host,         ///< name or address
  port,         ///< 1..65535
  address,      ///< host:port, [v6]:port
  url,
  glob,         ///< device/channel/quantity
  name,         ///< snake_case identifier
  rate,         ///< integer or the word "auto" (serial speed)
  list,
  map,          ///< free keys, one element schema
  object,       ///< known keys
  one_of        ///< exactly one of the known keys: {serial: {...}}
};

struct Field;

/// The shape of one configuration value. One tree feeds the reader, the defaults, --help, README tables and JSON Schema.
struct Schema {
  Type type = Type::text;
  std::string help = {};
  std::optional<double> min = {};         ///< in the base unit (ns, bytes for duration, size)
  std::optional<double> max = {};
  std::vector<std::string> values = {};   ///< enumeration members
  std::string format = {};                ///< further check of a text: "hex32", ...
  std::vector<Field> fields = {};         ///< object, one_of
  std::shared_ptr<const Schema> element = {};  ///< list, map
  bool single = false;                    ///< list: one bare element is taken as a list of one
  std::string unit = {};                  ///< shown in help
};

struct Field {
  std::string name;
  Schema schema;
  bool required = false;
  std::optional<std::string> fallback = {};  ///< default, as YAML text: "10s", "{}" makes an object of defaults
};

// Builders, so that a table of fields reads like its documentation:
//   object({optional("path", path("where"), "mesura.db"), required("host", host("..."))})
[[nodiscard]] Schema boolean(std::string help);
[[nodiscard]] Schema integer(std::string help, std::optional<double> min = {}, std::optional<double> max = {});
[[nodiscard]] Schema number(std::string help, std::optional<double> min = {}, std::optional<double> max = {});
[[nodiscard]] Schema text(std::string help);
[[nodiscard]] Schema secret(std::string help);
[[nodiscard]] Schema enumeration(std::vector<std::string> values, std::string help);
[[nodiscard]] Schema duration(std::string help, std::string_view min = {}, std::string_view max = {});
[[nodiscard]] Schema size(std::string help, std::string_view min = {}, std::string_view max = {});
[[nodiscard]] Schema of(Type type, std::string help);  ///< path, zone, host, port, address, url, glob, name, rate
[[nodiscard]] Schema list(Schema element, std::string help, bool single = false);
[[nodiscard]] Schema map(Schema element, std::string help);
[[nodiscard]] Schema object(std::vector<Field> fields, std::string help = {});
[[nodiscard]] Schema one_of(std::vector<Field> fields, std::string help);
[[nodiscard]] Field required(std::string name, Schema schema);
[[nodiscard]] Field optional(std::string name, Schema schema, std::optional<std::string> fallback = {});

}  // namespace mesura::config
