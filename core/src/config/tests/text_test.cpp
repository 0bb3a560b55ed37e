// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/text.hpp"

#include "config/network.hpp"

#include "support/catch.hpp"

#include <string>
#include <utility>

using namespace mesura::config;

TEST_CASE("the password of a URL is masked, whatever is in it") {
  using Case = std::pair<const char*, const char*>;
  const auto [text, masked] =
      GENERATE(values<Case>({{"mqtt://broker:1883", "mqtt://broker:1883"},
                             {"mqtt://user@broker:1883", "mqtt://user@broker:1883"},
                             {"mqtt://user:pw@broker", "mqtt://user:***@broker"},
                             {"mqtt://user:p@s/w:rd@broker/x", "mqtt://user:***@broker/x"},
                             {"mqtt://:pw@broker", "mqtt://:***@broker"},
                             {"a http://u:p@h and http://v:q@i", "a http://u:***@h and http://v:***@i"},
                             {"dsmr_p1+tcp://u:p@h:23", "dsmr_p1+tcp://u:***@h:23"},
                             {"no url: user:pw@host", "no url: user:pw@host"},
                             {"://", "://"}}));
  CHECK(mask_urls(text) == masked);
}

TEST_CASE("a password before a host is masked without a scheme, too") {
  CHECK(mask_user("user:pw@host:23") == "user:***@host:23");
  CHECK(mask_user("host:23") == "host:23");
  CHECK(mask_user("user@host:23") == "user@host:23");
  CHECK(mask_user("meter+tcp:user:pw@host:23", 10) == "meter+tcp:user:***@host:23");
  CHECK(mask_user("meter+tcp://user:pw@host", 10) == "meter+tcp://user:***@host");
}

TEST_CASE("foreign text in a message cannot break it") {
  CHECK(quote("a\nb\x1b[31m\x7f") == "'a\\nb\\x1b[31m\\x7f'");
  CHECK(quote("caf\xE9") == "'caf\\xe9'");
  CHECK(quote("café ☀") == "'café ☀'");
  CHECK(quote(std::string(200, 'x')) == "'" + std::string(80, 'x') + "...'");
}

TEST_CASE("the nearest name is offered only when it is near") {
  const std::vector<std::string> names{"interval", "transport", "timezone", "tags", "enabled"};
  CHECK(nearest("intervall", names) == "interval");
  CHECK(nearest("Transport", names) == "transport");
  CHECK(nearest("tarnsport", names) == "transport");
  CHECK(nearest("time-zone", names) == "timezone");
  CHECK(nearest("tag", names) == "tags");
  CHECK_FALSE(nearest("xyzzy", names));
  CHECK_FALSE(nearest("", names));
  CHECK_FALSE(nearest(std::string(65, 'a'), names));
  CHECK_FALSE(nearest("b", {"a"}));
  CHECK(did_you_mean("tag", names) == "did you mean 'tags'?");
  CHECK(did_you_mean("xyzzy", names).empty());
}

TEST_CASE("bad bytes are found where they are") {
  CHECK_FALSE(first_bad_byte("plain\ttext\r\n\xC3\xA9\xE2\x98\x80\xF0\x9F\x98\x80"));
  CHECK(first_bad_byte("ab\xE9") == 2U);
  CHECK(first_bad_byte(std::string_view("a\0b", 3)) == 1U);
  CHECK(first_bad_byte("a\x7f") == 1U);
  CHECK(first_bad_byte("\xC0\xAF") == 0U);          // overlong '/'
  CHECK(first_bad_byte("x\xED\xA0\x80") == 1U);     // a surrogate
  CHECK(first_bad_byte("\xF4\x90\x80\x80") == 0U);  // beyond U+10FFFF
  CHECK(first_bad_byte("abc\xE2\x98") == 3U);       // cut off
}

TEST_CASE("addresses are split at the port") {
  CHECK(split_address("p1.example:23")->host == "p1.example");
  CHECK(split_address("p1.example:23")->port == 23);
  CHECK(split_address("[fe80::1%eth0]:2001")->host == "fe80::1%eth0");
  CHECK(split_address("0.0.0.0:0")->port == 0);
  CHECK_FALSE(split_address("p1.example"));
  CHECK_FALSE(split_address("[::1]"));
  CHECK_FALSE(split_address("::1:23"));
  CHECK_FALSE(split_address("host:65536"));
  CHECK_FALSE(split_address("host:023"));
  CHECK_FALSE(split_address("host:+1"));
}

TEST_CASE("hosts are names or addresses") {
  for (const char* good : {"localhost", "p1.local", "p1.local.", "a_b", "10.0.0.1", "::1", "fe80::1%eth0", "1host"}) {
    INFO(good);
    CHECK_FALSE(check_host(good));
  }
  for (const char* bad :
       {"-a", "a-", "a..b", ".", "10.0.0", "1.2.3.256", "a b", "host:1", "[::1]", "http://a", "\xC3\xA9"}) {
    INFO(bad);
    CHECK(check_host(bad));
  }
  CHECK(check_host(std::string(64, 'a')));
}
