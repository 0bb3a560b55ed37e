// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/spec.hpp"

#include "config/address.hpp"
#include "config/reader.hpp"
#include "config/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesura::transport {
namespace {

std::string yaml_list(std::string_view text) {
  std::string out = "[";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    std::string quoted{text.substr(0, end)};
    for (std::size_t at = 0; (at = quoted.find('\'', at)) != std::string::npos; at += 2) quoted.insert(at, 1, '\'');
    out += fmt::format("{}'{}'", out.size() > 1 ? ", " : "", quoted);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + "]";
}

}  // namespace

Spec read_spec(std::string_view text, const std::vector<std::string>& allowed, const Context& context) {
  Spec spec;
  const std::size_t colon = text.find("://");
  spec.kind = std::string{text.substr(0, std::min(colon, text.size()))};
  const Kind* kind = find_kind(spec.kind);
  if (colon == std::string_view::npos || kind == nullptr ||
      std::find(allowed.begin(), allowed.end(), spec.kind) == allowed.end()) {
    spec.error = fmt::format("'{}' is no way to open this link: expected KIND://..., with one of {}", text,
                             config::joined(allowed));
    return spec;
  }
  auto pairs = config::place_options(text.substr(colon + 3), kind->schema.fields);
  for (auto& [name, value] : pairs) {
    const config::Field* field = config::find_field(kind->schema.fields, name);
    if (field != nullptr && field->schema.type == config::Type::list && value.substr(0, 1) != "[")
      value = yaml_list(value);
  }
  const auto reading = config::read_pairs(pairs, kind->schema);
  if (!reading.ok()) {
    const auto& first = reading.diagnostics.list().front();
    spec.error =
        fmt::format("'{}': {}{}{}", text, first.message, first.expected.empty() ? "" : ": expected ", first.expected);
    return spec;
  }
  spec.make = [kind, options = reading.value, context] { return kind->make(options, context); };
  return spec;
}

}  // namespace mesura::transport
