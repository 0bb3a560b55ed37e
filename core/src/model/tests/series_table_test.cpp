// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include <mesura/measurement.hpp>

#include <cstdint>
#include <string>

#include "support/catch.hpp"

namespace mesura {
namespace {

SeriesInfo series(const std::string& channel, const std::string& quantity = "active_power") {
  SeriesInfo s;
  s.device = "grid";
  s.channel = channel;
  s.quantity = quantity;
  s.unit = "W";
  s.flat_name = channel + "_" + quantity + "_w";
  return s;
}

TEST_CASE("equal series share an id, different ones get the next") {
  SeriesTable table;
  CHECK(table.size() == 0);
  CHECK(table.add(series("total")) == 0);
  CHECK(table.add(series("l1")) == 1);
  CHECK(table.add(series("total")) == 0);
  CHECK(table.size() == 2);
  CHECK(table.at(1).name() == "grid/l1/active_power");
  CHECK(table.at(1).id == 1);
}

TEST_CASE("a series that differs in any member but the id is another series") {
  SeriesTable table;
  const auto first = series("l1");
  CHECK(table.add(first) == 0);
  auto numbered = first;
  numbered.id = 77;
  CHECK(table.add(numbered) == 0);

  std::uint32_t next = 1;
  const auto is_new = [&](auto change) {
    auto s = first;
    change(s);
    CHECK(table.add(s) == next++);
  };
  is_new([](SeriesInfo& s) { s.unit = "VA"; });
  is_new([](SeriesInfo& s) { s.flat_name = "other"; });
  is_new([](SeriesInfo& s) { s.label = "Solar"; });
  is_new([](SeriesInfo& s) { s.role = "solar"; });
  is_new([](SeriesInfo& s) { s.source = "1-0:21.7.0"; });
  is_new([](SeriesInfo& s) { s.kind = Kind::reg; });
  is_new([](SeriesInfo& s) { s.text = true; });
  is_new([](SeriesInfo& s) { s.decimals = 3; });
  is_new([](SeriesInfo& s) { s.negated = true; });
}

TEST_CASE("what devices say of themselves is by device, and the newest counts") {
  SeriesTable table;
  table.set_attribute("grid", "serial", "1");
  table.set_attribute("roof", "serial", "2");
  table.set_attribute("grid", "serial", "3");
  CHECK(table.attribute("grid", "serial") == "3");
  CHECK(table.attribute("roof", "serial") == "2");
  CHECK(table.attribute("roof", "model").empty());
}

TEST_CASE("series keep their place while the table grows past a chunk") {
  SeriesTable table;
  const auto* first = &table.at(table.add(series("ct0")));
  for (int i = 1; i < 3000; ++i) CHECK(table.add(series("ct" + std::to_string(i))) == static_cast<std::uint32_t>(i));
  CHECK(&table.at(0) == first);
  CHECK(first->channel == "ct0");
  CHECK(table.at(1023).channel == "ct1023");
  CHECK(table.at(1024).channel == "ct1024");
  CHECK(table.at(2999).channel == "ct2999");
}

TEST_CASE("kinds and qualities have names") {
  CHECK(to_string(Kind::gauge) == "gauge");
  CHECK(to_string(Kind::reg) == "register");
  CHECK(to_string(Kind::state) == "state");
  CHECK(quality_to_string(0) == "good");
  CHECK(quality_to_string(1) == "clock_suspect");
  CHECK(quality_to_string(2) == "clock_unsynced");
  CHECK(quality_to_string(5) == "clock_suspect,derived");
  CHECK(quality_to_string(63) == "clock_suspect,clock_unsynced,derived,suspect,stale,estimated");
  CHECK(quality_to_string(64) == "0x40");
  CHECK(quality_to_string(8 + 128) == "suspect,0x80");
}

}  // namespace
}  // namespace mesura
