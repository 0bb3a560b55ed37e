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
  text,    ///< not empty
  secret,  ///< text; !secret, ${ENV}, file: resolved; never shown
  enumeration,
  duration,  ///< "10s"; ns
  size,      ///< "64MiB"; bytes
  path,
  zone,     ///< IANA, must exist
  host,     ///< name or address
  port,     ///< 1..65535
  address,  ///< host:port, [v6]:port
  url,
  glob,  ///< device/channel/quantity
  name,  ///< snake_case identifier
  rate,  ///< integer or the word "auto" (serial speed)
  list,
  map,     ///< free keys, one element schema
  object,  ///< known keys
  one_of,  ///< exactly one of the known keys: {serial: {...}}; further keys beside it as `beside` says
  any,     ///< whatever it is; its Value is its text in YAML's flow style
  file,    ///< of a command: the content of a file, any bytes
  tree     ///< of a command: a folder; the content of its files by relative path
};

struct Field;

/// A key that a person may well write here, and what to tell them.
struct Refusal {
  std::string name;
  std::string reason;
  std::string hint;
};

/// The shape of one configuration value. One tree feeds the reader, the defaults, --help, README tables and JSON
/// Schema.
struct Schema {
  Type type = Type::text;
  std::string help = {};
  std::optional<double> min = {};          ///< in the base unit (ns, bytes for duration, size)
  std::optional<double> max = {};          ///< list: elements; text: characters; file: bytes; tree: bytes together
  std::vector<std::string> values = {};    ///< enumeration members; url: permitted schemes
  std::string format = {};                 ///< further check of a text: "hex32", "ascii", "word"
  bool may_be_empty = false;               ///< text, secret of a command
  std::vector<Field> fields;               ///< object, one_of
  std::vector<Field> beside;               ///< one_of: ordinary keys that may stand beside the chosen one
  std::vector<Refusal> refused = {};       ///< object, one_of: keys, enumeration: values that a person may expect to be
                                           ///< right, and why they are not
  std::string selector = {};               ///< object: the key whose value picks one of `cases` in place of this schema
  std::vector<Field> cases;                ///< whole object schemas by the selector's value
  std::shared_ptr<const Schema> key = {};  ///< map: of the keys; none: any text
  std::string noun = {};                   ///< list, map: what messages call an element: "device"
  std::shared_ptr<const Schema> element = {};  ///< list, map
  bool single = false;                         ///< list: one bare element is taken as a list of one
  std::string unit = {};                       ///< shown in help
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
/// A map whose keys are snake_case names; `noun` names an element in messages: "device 'grid'".
[[nodiscard]] Schema named(Schema element, std::string noun, std::string help);
[[nodiscard]] Schema object(std::vector<Field> fields, std::string help = {});
[[nodiscard]] Schema one_of(std::vector<Field> fields, std::string help);
[[nodiscard]] Field required(std::string name, Schema schema);
[[nodiscard]] Field optional(std::string name, Schema schema, std::optional<std::string> fallback = {});

/// The field of this name, or null.
[[nodiscard]] const Field* find_field(const std::vector<Field>& fields, std::string_view name);
/// What a value of this schema looks like, for messages and help: "a duration with its unit (10s), from 10ms to 1m".
[[nodiscard]] std::string expectation(const Schema& schema);
/// A limit of `min` or `max` in the schema's own notation: "10ms", "64MiB", "115200".
[[nodiscard]] std::string print_limit(const Schema& schema, double limit);

}  // namespace mesura::config
