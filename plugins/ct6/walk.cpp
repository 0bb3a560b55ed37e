// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "walk.hpp"

#include "keys.hpp"
#include "number.hpp"

#include <mesura/plugin.hpp>

#include <simdjson.h>

#include <fmt/format.h>

#include <algorithm>

namespace mesura::ct6 {
namespace {

namespace sj = simdjson;
namespace od = simdjson::ondemand;

constexpr std::size_t kShown = 40;
constexpr std::size_t kMaxProblems = 32;  // of one message: the rest would say nothing new

std::string_view shown(std::string_view token) { return abi::cut(token, kShown); }

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// A key as it stands between its quotes; one with escapes is none that we know.
std::string_view raw_key(const char* begin) {
  const char* end = begin;
  while (*end != '"') end += *end == '\\' ? 2 : 1;
  return {begin, static_cast<std::size_t>(end - begin)};
}

std::string_view scalar_token(od::value& value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() && is_blank(token.back())) token.remove_suffix(1);
  return token;
}

/// The byte behind a token is a comma, a bracket or a blank.
bool number_of(std::string_view token, double& value) {
  return read_number(token.data(), value) == token.data() + token.size();
}

bool flag_of(std::string_view token, double& value) {
  value = token == "true" ? 1 : 0;
  return token == "true" || token == "false" || number_of(token, value);
}

bool is_text(std::string_view token) {
  double ignored = 0;
  return token.starts_with('"') || token == "true" || token == "false" || token == "null" || number_of(token, ignored);
}

}  // namespace

class Walk::Impl {
 public:
  explicit Impl(std::size_t capacity) : parser_(capacity) {
    if (const auto error = parser_.allocate(capacity); error != sj::SUCCESS) throw std::bad_alloc{};
  }

  Result read(std::string_view message, Answer& answer, Problems& problems, bool keep_order);
  [[nodiscard]] const Found& found() const { return found_; }

 private:
  sj::error_code read_root(od::document& document);
  sj::error_code read_unit_field(od::field& field);
  sj::error_code read_port(od::value& value, std::uint8_t number);
  sj::error_code read_port_field(od::field& field, Port& port, std::size_t place);
  sj::error_code read_time_sent(od::value& value);
  void read_unit_value(Key key, std::string_view name, std::string_view token);
  void bad_value(std::uint8_t port, std::string_view key, std::string_view expected, std::string_view token);
  void note(std::string_view code, std::uint8_t port, std::string_view key);
  Port& port(std::uint8_t number);
  void keep_order(Key key, std::string_view name, Port* of, std::size_t place);

  od::parser parser_;
  std::string_view message_;
  Answer* answer_ = nullptr;
  Problems* problems_ = nullptr;
  Found found_;
};

Walk::Result Walk::Impl::read(std::string_view message, Answer& answer, Problems& problems, bool keep_order) {
  message_ = message;
  answer_ = &answer;
  problems_ = &problems;
  answer.clear();
  found_.question = found_.blanks = false;
  found_.regular = keep_order;
  found_.error = {};
  found_.length = message.size();
  found_.order.unit.clear();
  found_.order.port.clear();
  const std::size_t before = problems.size();
  od::document document;
  auto error = parser_.iterate(message.data(), message.size(), message.size() + kPadding).get(document);
  if (error == sj::UTF8_ERROR) return Result::not_utf8;
  if (error != sj::SUCCESS) return Result::broken;
  od::json_type type{};
  if (document.type().get(type) != sj::SUCCESS) return Result::broken;
  if (type == od::json_type::null) return Result::null;
  if (type != od::json_type::object) return Result::scalar;
  error = read_root(document);
  if (error == sj::SUCCESS) return Result::object;
  problems.resize(before);  // what was said of values of a message that is not taken
  return Result::broken;
}

sj::error_code Walk::Impl::read_root(od::document& document) {
  od::object root;
  if (const auto error = document.get_object().get(root); error != sj::SUCCESS) return error;
  for (auto result : root) {
    od::field field;
    if (const auto error = std::move(result).get(field); error != sj::SUCCESS) return error;
    if (const auto error = read_unit_field(field); error != sj::SUCCESS) return error;
  }
  const char* where = nullptr;
  if (document.current_location().get(where) == sj::SUCCESS)
    found_.length = static_cast<std::size_t>(where - message_.data());
  return sj::SUCCESS;
}

sj::error_code Walk::Impl::read_unit_field(od::field& field) {
  const std::string_view name = raw_key(field.key().raw());
  const Key key = find_unit_key(name);
  od::value value = field.value();
  keep_order(key, name, nullptr, 0);
  switch (key.role) {
    case Role::port: return read_port(value, key.what);
    case Role::time_sent: return read_time_sent(value);
    case Role::ayt: found_.question = true; break;
    case Role::error: found_.error = scalar_token(value); break;
    case Role::unknown: note("unknown_field", 0, name); break;
    default: read_unit_value(key, name, scalar_token(value));
  }
  return sj::SUCCESS;
}

void Walk::Impl::read_unit_value(Key key, std::string_view name, std::string_view token) {
  const std::uint32_t seen = key.role == Role::text ? 1U << (key.what + 16U) : 1U << key.what;
  if ((answer_->seen & seen) != 0) note("duplicate_key", 0, name);
  answer_->seen |= seen;
  if (key.role == Role::text) {
    const bool good = is_text(token);
    answer_->texts[key.what] = good ? token : std::string_view{};
    if (!good) bad_value(0, name, "a text", token);
    return;
  }
  double& value = answer_->values[key.what];
  const bool good = key.role == Role::flag ? flag_of(token, value) : number_of(token, value);
  answer_->have = good ? answer_->have | seen : answer_->have & ~seen;
  if (!good) bad_value(0, name, key.role == Role::flag ? "0, 1, true or false" : "a number", token);
}

sj::error_code Walk::Impl::read_time_sent(od::value& value) {
  if (answer_->time_sent != 0) note("duplicate_key", 0, "TIMESENT");
  answer_->time_sent = 0;
  od::array items;
  if (value.get_array().get(items) != sj::SUCCESS) {
    bad_value(0, "TIMESENT", "an array of nine numbers", scalar_token(value));
    return sj::SUCCESS;
  }
  std::size_t count = 0;
  double last = 0;
  bool good = false;
  for (auto result : items) {
    od::value item;
    if (const auto error = result.get(item); error != sj::SUCCESS) return error;
    good = number_of(scalar_token(item), last);
    ++count;
  }
  if (count == kTimeSentItems && good && last >= 0 && last < kEndOfTime_s) {
    answer_->time_sent = static_cast<std::int64_t>(last);
  } else {
    bad_value(0, "TIMESENT", "nine numbers, the last in seconds", fmt::format("{} items", count));
  }
  return sj::SUCCESS;
}

Port& Walk::Impl::port(std::uint8_t number) {
  const auto end = answer_->ports.begin() + static_cast<std::ptrdiff_t>(answer_->port_count);
  const auto known = std::find_if(answer_->ports.begin(), end, [&](const Port& p) { return p.number == number; });
  Port& port = known != end ? *known : answer_->ports[answer_->port_count++];
  port.number = number;
  port.seen = port.have = 0;
  port.texts = {};
  return port;
}

sj::error_code Walk::Impl::read_port(od::value& value, std::uint8_t number) {
  const std::uint32_t mask = 1U << (number - 1U);
  if ((answer_->port_mask & mask) != 0) note("duplicate_key", number, {});
  answer_->port_mask |= mask;
  od::object object;
  if (const auto error = value.get_object().get(object); error != sj::SUCCESS) {
    if (error != sj::INCORRECT_TYPE) return error;
    bad_value(number, {}, "an object", scalar_token(value));
    return sj::SUCCESS;
  }
  Port& p = port(number);
  std::size_t place = 0;
  for (auto result : object) {
    od::field field;
    if (const auto error = std::move(result).get(field); error != sj::SUCCESS) return error;
    if (const auto error = read_port_field(field, p, place++); error != sj::SUCCESS) return error;
  }
  if (place != found_.order.port.size()) found_.regular = false;
  return sj::SUCCESS;
}

sj::error_code Walk::Impl::read_port_field(od::field& field, Port& port, std::size_t place) {
  const std::string_view name = raw_key(field.key().raw());
  const Key key = find_port_key(name);
  od::value value = field.value();
  keep_order(key, name, &port, place);
  if (key.role == Role::unknown) {
    note("unknown_field", port.number, name);
    return sj::SUCCESS;
  }
  const std::string_view token = scalar_token(value);
  const std::uint32_t seen = key.role == Role::text ? 1U << (key.what + 16U) : 1U << key.what;
  if ((port.seen & seen) != 0) note("duplicate_key", port.number, name);
  port.seen |= seen;
  if (key.role == Role::text) {
    const bool good = is_text(token);
    port.texts[key.what] = good ? token : std::string_view{};
    if (!good) bad_value(port.number, name, "a text", token);
    return sj::SUCCESS;
  }
  const bool good = number_of(token, port.values[key.what]);
  port.have = good ? port.have | seen : port.have & ~seen;
  if (!good) bad_value(port.number, name, "a number", token);
  return sj::SUCCESS;
}

/// Notes the order of keys for a layout: that of the first port stands for all.
void Walk::Impl::keep_order(Key key, std::string_view name, Port* of, std::size_t place) {
  if (key.role == Role::unknown || key.role == Role::ayt || key.role == Role::error) found_.regular = false;
  if (!found_.regular) return;
  auto& order = of == nullptr ? found_.order.unit : found_.order.port;
  const bool first_port = of != nullptr && answer_->port_count == 1;
  if (of == nullptr || first_port) {
    order.emplace_back(key, name);
    const char* const behind = name.data() + name.size() + 2;  // quote and colon
    if (order.size() == 1) found_.blanks = *behind == ' ';
    return;
  }
  found_.regular = place < order.size() && order[place].first == key;
}

void Walk::Impl::bad_value(std::uint8_t port, std::string_view key, std::string_view expected, std::string_view token) {
  found_.regular = false;
  if (problems_->size() >= kMaxProblems) return;
  std::string name = port != 0 ? fmt::format("CT{}", port) : std::string{};
  if (!name.empty() && !key.empty()) name += '.';
  const bool inside = token.data() >= message_.data() && token.data() < message_.data() + message_.size();
  problems_->push_back({Problem::Kind::object, "bad_value",
                        fmt::format("{}{}: expected {}, got {}", name, key, expected, shown(token)),
                        inside ? static_cast<std::uint64_t>(token.data() - message_.data()) : 0,
                        inside ? token.size() : message_.size()});
}

void Walk::Impl::note(std::string_view code, std::uint8_t port, std::string_view key) {
  found_.regular = false;
  if (problems_->size() >= kMaxProblems) return;
  std::string name = port != 0 ? fmt::format("CT{}", port) : std::string{};
  if (!name.empty() && !key.empty()) name += '.';
  const bool inside = key.data() >= message_.data() && key.data() < message_.data() + message_.size();
  problems_->push_back({Problem::Kind::note, code, fmt::format("{}{}", name, shown(key)),
                        inside ? static_cast<std::uint64_t>(key.data() - message_.data()) : 0,
                        inside ? key.size() : message_.size()});
}

Walk::Walk(std::size_t capacity) : impl_(std::make_unique<Impl>(capacity)) {}
Walk::~Walk() = default;
Walk::Result Walk::read(std::string_view message, Answer& answer, Problems& problems, bool keep_order) {
  return impl_->read(message, answer, problems, keep_order);
}
const Walk::Found& Walk::found() const { return impl_->found(); }

}  // namespace mesura::ct6
