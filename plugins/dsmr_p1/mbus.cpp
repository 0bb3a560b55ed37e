// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "mbus.hpp"

#include <optional>

namespace mesura::dsmr_p1 {
namespace {

// "Never read" as meters write it: the epoch of their clock, or the year 2000.
constexpr std::int64_t kNeverBefore = 946'771'200 * kSecond;  // 2000-01-02T00:00:00Z

/// The medium of a device type; nothing for types that say too little.
/// source  EN 13757-3, device types; heat and cooling stations send type 12 in the Netherlands
std::optional<Medium> medium_of_type(int type) {
  switch (type) {
    case 2: return Medium::electricity;
    case 3: return Medium::gas;
    case 4:
    case 12:
    case 13: return Medium::heat;
    case 6:
    case 7:
    case 21:
    case 22: return Medium::water;
    case 10:
    case 11: return Medium::cold;
    default: return std::nullopt;
  }
}

Medium medium_of(const MbusPart& reading, bool has_type, int type) {
  constexpr std::uint8_t kCold = 1;  // 24.3.1
  const bool cold = reading.profile && reading.object == kCold;
  if (has_type) {
    if (const auto medium = medium_of_type(type)) return *medium == Medium::heat && cold ? Medium::cold : *medium;
  }
  if (cold) return Medium::cold;
  if (reading.unit == Unit::gigajoule) return Medium::heat;
  if (reading.unit == Unit::watt_hour) return Medium::electricity;
  return has_type && type > 0 ? Medium::other_volume
                              : Medium::gas;  // compressed air and the like; else 24.2.1 and 24.2.3
}

/// The value in the medium's base unit; nothing when the unit does not fit.
std::optional<Decimal> in_base_unit(const MbusPart& reading, Medium medium) {
  const bool thermal = medium == Medium::heat || medium == Medium::cold;
  if (reading.unit == Unit::none)
    return medium == Medium::electricity ? Decimal{reading.value.mantissa, reading.value.exponent + 3} : reading.value;
  if (thermal && reading.unit == Unit::gigajoule) return reading.value;
  if (thermal && reading.unit == Unit::watt_hour) {  // 1 Wh = 3.6 kJ = 36e-7 GJ
    Decimal gj{0, reading.value.exponent - 7};
    if (__builtin_mul_overflow(reading.value.mantissa, std::int64_t{36}, &gj.mantissa)) return std::nullopt;
    return gj;
  }
  if (medium == Medium::electricity && reading.unit == Unit::watt_hour) return reading.value;
  if (!thermal && medium != Medium::electricity && reading.unit == Unit::cubic_metre) return reading.value;
  return std::nullopt;
}

}  // namespace

void MbusTracker::begin() {
  for (Channel& c : channels_) {
    c.mentioned = c.has_type = false;
    c.type = -1;
    c.valve.what = c.reading.what = MbusPart::What::nothing;
  }
}

void MbusTracker::apply(const MbusPart& part) {
  Channel& c = channels_[part.channel - 1U];
  c.mentioned = true;
  switch (part.what) {
    case MbusPart::What::nothing: break;
    case MbusPart::What::type:
      c.has_type = true;
      c.type = part.type;
      break;
    case MbusPart::What::valve: c.valve = part; break;
    case MbusPart::What::reading: c.reading = part; break;
  }
}

void MbusTracker::finish(const StampClock& clock, std::int64_t period_s, std::int64_t received_ns,
                         std::vector<Reading>& out) {
  const SpecialFields& fields = ObisTable::instance().special();
  std::array<bool, kMbusChannels> fresh{};
  for (std::size_t i = 0; i < kMbusChannels; ++i) {
    Channel& c = channels_[i];
    if (!c.mentioned || (c.has_type && c.type < 0)) continue;
    if (c.has_type) append_number(out, fields.mbus_type[i], {c.type, 0});
    if (c.valve.what == MbusPart::What::valve) append_number(out, fields.mbus_valve[i], c.valve.value);
    if (c.reading.what != MbusPart::What::reading) continue;
    // An empty slot: (700101010000W)(00000000). No unit, so not a reading.
    if (c.reading.unit == Unit::none && c.reading.value.mantissa == 0) continue;

    const std::int64_t time_ns = clock.utc(c.reading.stamp, c.last_time_ns, received_ns);
    if (time_ns < kNeverBefore) continue;  // kNoTime, too
    const Medium medium = medium_of(c.reading, c.has_type, c.type);
    const auto value = in_base_unit(c.reading, medium);
    if (!value || (c.told && time_ns == c.last_time_ns && *value == c.last_value && medium == c.last_medium)) continue;
    fresh[i] = true;
    c.told = true;
    c.last_time_ns = time_ns;
    c.last_value = *value;
    c.last_medium = medium;
  }
  // Only now, when the newest reading of each medium is known.
  for (std::size_t i = 0; i < kMbusChannels; ++i) {
    if (!fresh[i]) continue;
    const Channel& c = channels_[i];
    const auto field = static_cast<FieldId>(fields.mbus_medium[i] + static_cast<FieldId>(c.last_medium));
    const std::uint8_t quality = is_stale(c, period_s) ? MESURA_STALE : MESURA_GOOD;
    out.push_back(number_reading(field, c.last_value, c.last_time_ns, quality));
  }
}

/// A replaced device stays on its channel with a frozen stamp while its successor moves on.
bool MbusTracker::is_stale(const Channel& channel, std::int64_t period_s) const {
  for (const Channel& other : channels_)
    if (other.told && other.last_medium == channel.last_medium &&
        other.last_time_ns - channel.last_time_ns > 2 * period_s * kSecond)
      return true;
  return false;
}

}  // namespace mesura::dsmr_p1
