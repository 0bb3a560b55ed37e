// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "telegram_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace mesura::dsmr_p1 {
namespace {

constexpr std::size_t kMaxUnknown = 64;  // codes remembered as told
constexpr std::size_t kManufacturer = 3;

constexpr bool is_line_end(char c) { return c == '\r' || c == '\n'; }

StampClock clock_for(const TelegramParser::Settings& settings, Profile profile) {
  const ProfileTraits& t = traits(profile);
  return {settings.standard_offset_s.value_or(t.standard_offset_s),
          settings.zone.empty() ? t.zone : std::string_view{settings.zone}};
}

int two(const char* p) { return (p[0] - '0') * 10 + (p[1] - '0'); }

}  // namespace

TelegramParser::TelegramParser(Settings settings)
    : table_(ObisTable::instance()),
      settings_(std::move(settings)),
      profile_(settings_.profile.value_or(Profile::generic)),
      clock_(clock_for(settings_, profile_)),
      seen_(table_.row_count()) {
  telegram_.readings.reserve(128);
  events_.reserve(64);
}

Telegram& TelegramParser::parse(Bytes bytes, bool has_crc, std::int64_t received_ns) {
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  any_new_line_ = false;
  telegram_.text = bytes;
  telegram_.meter_changed = false;
  telegram_.mbus_changed = 0;
  telegram_.unknown.clear();
  events_.clear();
  read_header(text);
  read_lines(text, received_ns);
  if (any_new_line_ && !settings_.profile) {
    const Profile found = recognise(header_, telegram_.features | (has_crc ? kHasCrc : 0U));
    if (found != profile_) {
      adopt(found);
      events_.clear();
      read_lines(text, received_ns);  // offsets and tariff numbers may differ now
    }
  }
  if (any_new_line_) {
    attributes_.set("dialect", traits(profile_).name);
    notice_other_meters();
  }
  telegram_.profile = profile_;
  if (has_stamp_) telegram_.time_ns = clock_.utc(stamp_, last_time_ns_, received_ns);
  if (telegram_.time_ns != kNoTime) last_time_ns_ = telegram_.time_ns;
  if (!swiss_.empty()) place_swiss_registers();
  derive();
  mbus_.finish(clock_, traits(profile_).mbus_period_s, received_ns, telegram_.readings);
  telegram_.readings.insert(telegram_.readings.end(), events_.begin(), events_.end());
  return telegram_;
}

std::uint32_t TelegramParser::scan(Bytes bytes) {
  const std::string_view body{reinterpret_cast<const char*>(bytes.data()), bytes.size() - 1};
  std::size_t at = 0;
  while (at < body.size() && !is_line_end(body[at])) ++at;
  std::uint32_t features = 0;
  while (reader_.next(body, at, line_)) features |= features_of(line_);
  return features;
}

void TelegramParser::adopt(Profile profile) {
  profile_ = profile;
  clock_ = clock_for(settings_, profile);
  date_kind_ = Stamp::Kind::null;
  for (auto& layout : layouts_) layout->forget();
  decoder_.forget();  // whatever it has told had the wrong offset
}

void TelegramParser::notice_other_meters() {
  const auto changes = [this](std::string& known, std::string_view key) {
    const std::string_view serial = attributes_.get(key);
    if (serial == known) return false;
    const bool another = !known.empty();
    known.assign(serial);
    return another;
  };
  telegram_.meter_changed = changes(serial_, name(Attribute::serial));
  for (std::size_t i = 0; i < kMbusChannels; ++i)
    if (changes(mbus_serials_[i], fmt::format("mbus{}_serial", i + 1)))
      telegram_.mbus_changed = static_cast<std::uint8_t>(telegram_.mbus_changed | 1U << i);
}

void TelegramParser::read_header(std::string_view text) {
  std::size_t end = 1;
  while (end < text.size() && !is_line_end(text[end]) && !(end + 1 == text.size())) ++end;
  const std::string_view header = text.substr(1, end - 1);
  if (header == header_) return;
  header_.assign(header);
  any_new_line_ = true;
  attributes_.relax();  // another meter may tell its facts in other objects
  std::string shown{header};
  for (char& c : shown)
    if (c < ' ' || c > '~') c = '?';
  attributes_.set("manufacturer", std::string_view{shown}.substr(0, kManufacturer));
  attributes_.set("model", shown);
}

void TelegramParser::read_lines(std::string_view text, std::int64_t received_ns) {
  ++number_;
  telegram_.readings.clear();
  telegram_.line_faults.clear();
  telegram_.features = 0;
  telegram_.time_ns = kNoTime;
  has_stamp_ = false;
  swiss_.clear();
  mbus_.begin();

  const std::string_view body = text.substr(0, text.size() - 1);  // without '!'
  std::size_t at = 1 + header_.size();
  while (at < body.size() && is_line_end(body[at])) ++at;
  for (std::size_t i = 0; at < body.size(); ++i) {
    if (i == layouts_.size()) layouts_.push_back(std::make_unique<LineLayout>());
    LineLayout& layout = *layouts_[i];
    const char* line = text.data() + at;
    // A line that begins with '(' continues this one.
    if (layout.matches(line, body.size() - at) && line[layout.length] != '(' &&
        take_remembered(layout, line, received_ns)) {
      at += layout.length;
      continue;
    }
    const std::size_t begin = at;
    if (!reader_.next(body, at, line_)) break;
    any_new_line_ = true;
    rename(line_);
    take_new(layout, line_, static_cast<std::size_t>(line_.text.data() - text.data()), received_ns);
    if (line_.text.data() != text.data() + begin) layout.forget();  // blanks before it
  }
}

bool TelegramParser::take_remembered(LineLayout& layout, const char* line, std::int64_t received_ns) {
  Contribution& c = layout.contribution;
  if (c.row != kNoRow && seen(c.row)) return false;  // a duplicate, which is to be reported
  telegram_.features |= c.features;
  switch (layout.kind) {
    case LineLayout::Kind::number: {
      const FieldId field = c.readings[0].field;
      seen_[c.row] = {number_, static_cast<std::int32_t>(telegram_.readings.size())};
      append_number(telegram_.readings, field, {layout.mantissa(line), layout.exponent});
      if (table_.plain_twin(c.row) != kNoRow) swiss_.push_back(c.row);
      return true;
    }
    case LineLayout::Kind::time:
      seen_[c.row] = {number_, -1};
      set_time(layout.stamp(line), c.stamp->kind, received_ns);
      return true;
    default: apply(c); return true;
  }
}

void TelegramParser::rename(Line& line) const {
  for (const auto& [from, to] : settings_.aliases)
    if (line.code == from && line.problem != Line::Problem::no_code) {
      line.code = to;
      return;
    }
}

void TelegramParser::take_new(LineLayout& layout, const Line& line, std::size_t offset, std::int64_t received_ns) {
  Contribution& c = layout.contribution;
  const LineDecoder::Context context{clock_, profile_ == Profile::il, received_ns};
  const RowId row = line.problem == Line::Problem::no_code ? kNoRow : table_.find(line.code, context.israeli);
  if (row != kNoRow && seen(row)) {
    layout.forget();
    telegram_.line_faults.push_back({offset, line.text.size(), "the same object a second time; the first one counts"});
    return;
  }
  decoder_.decode(line, context, c, events_, attributes_);
  telegram_.features |= c.features;
  if (!c.error.empty()) telegram_.line_faults.push_back({offset, line.text.size(), c.error});
  if (c.row == kNoRow && c.error.empty() && known_unknowns_.size() < kMaxUnknown) {
    const std::string code =
        fmt::format("{}-{}:{}.{}.{}", line.code.a, line.code.b, line.code.c, line.code.d, line.code.e);
    if (std::find(known_unknowns_.begin(), known_unknowns_.end(), code) == known_unknowns_.end()) {
      known_unknowns_.push_back(code);
      telegram_.unknown.push_back(code);
    }
  }
  for (std::size_t i = 0; i < c.reading_count; ++i)
    if (c.readings[i].is_text) c.readings[i].text = c.text;
  layout.learn(line.text);
  apply(c);
}

void TelegramParser::apply(Contribution& c) {
  if (c.row == kNoRow) return;
  seen_[c.row] = {number_, c.reading_count > 0 ? static_cast<std::int32_t>(telegram_.readings.size()) : -1};
  for (std::size_t i = 0; i < c.reading_count; ++i) telegram_.readings.push_back(c.readings[i]);
  if (c.reading_count > 0 && table_.plain_twin(c.row) != kNoRow) swiss_.push_back(c.row);
  if (c.mbus.what != MbusPart::What::nothing) mbus_.apply(c.mbus);
  if (c.stamp && !has_stamp_) {
    has_stamp_ = true;
    stamp_ = *c.stamp;
  }
}

const Reading* TelegramParser::reading_of(RowId row) const {
  const Seen& s = seen_[row];
  return s.telegram == number_ && s.reading >= 0 ? &telegram_.readings[static_cast<std::size_t>(s.reading)] : nullptr;
}

void TelegramParser::set_time(std::string_view digits, Stamp::Kind kind, std::int64_t received_ns) {
  if (has_stamp_) return;
  has_stamp_ = true;
  const char* p = digits.data();
  std::uint64_t date = 0;
  std::memcpy(&date, p, 6);
  const int hour = two(p + 6), minute = two(p + 8), second = two(p + 10);
  if (date == date_ && kind == date_kind_ && hour < 24 && minute < 60 && second < 60) {
    stamp_ = {Stamp::Kind::utc, midnight_ns_ + (hour * 3600 + minute * 60 + second) * kSecond};
    return;
  }
  char text[13];
  std::memcpy(text, p, 12);
  text[12] = kind == Stamp::Kind::summer ? 'S' : 'W';
  stamp_ = *parse_stamp({text, sizeof text});
  if (stamp_.kind == Stamp::Kind::null) return;
  date_ = date;
  date_kind_ = kind;
  midnight_ns_ = clock_.utc(stamp_, kNoTime, received_ns) - (hour * 3600 + minute * 60 + second) * kSecond;
}

/// Swiss registers with B = 1 stand for those with B = 0, unless the meter sends both.
void TelegramParser::place_swiss_registers() {
  for (const RowId row : swiss_) {
    const RowId twin = table_.plain_twin(row);
    if (seen(twin)) continue;
    telegram_.readings[static_cast<std::size_t>(seen_[row].reading)].field = table_.row(twin).field;
    seen_[twin] = seen_[row];
  }
}

void TelegramParser::derive() {
  const SpecialFields& f = table_.special();
  for (std::size_t phase = 0; phase < 4; ++phase) {
    derive_difference(false, phase, f.active_power[phase]);
    derive_difference(true, phase, f.reactive_power[phase]);
  }
  derive_total(false, f.active_energy_import);
  derive_total(true, f.active_energy_export);
}

/// Import minus export. A meter that has no export line at all can't feed in; one whose line is empty or broken may
/// have.
void TelegramParser::derive_difference(bool reactive, std::size_t phase, FieldId field) {
  const Reading* import = reading_of(table_.power_row(reactive, false, phase));
  if (import == nullptr) return;
  const RowId export_row = table_.power_row(reactive, true, phase);
  const Reading* exported = reading_of(export_row);
  if (exported == nullptr && (reactive || seen(export_row))) return;
  const auto net = exported == nullptr ? import->number : subtract(import->number, exported->number);
  if (net) append_number(telegram_.readings, field, *net, MESURA_DERIVED);
}

/// The sum of the tariffs, where the meter does not send it and none of them is missing.
void TelegramParser::derive_total(bool exported, FieldId field) {
  const auto rows = table_.tariff_rows(exported);
  if (seen(rows.total)) return;
  Decimal sum;
  bool any = false;
  for (RowId row = rows.first; row <= rows.last; ++row) {
    if (!seen(row)) continue;
    const Reading* reading = reading_of(row);
    const auto next =
        reading != nullptr ? (any ? add(sum, reading->number) : reading->number) : std::optional<Decimal>{};
    if (!next) return;
    sum = *next;
    any = true;
  }
  if (any) append_number(telegram_.readings, field, sum, MESURA_DERIVED);
}

}  // namespace mesura::dsmr_p1
