// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A class that another plugin has as well, under the same name and with default visibility.
#include <mesura/plugin.hpp>

#include <stdexcept>

class Meter final : public mesura::Device {
 public:
  using Device::Device;
  void on_bytes(mesura::LinkId, mesura::Bytes, const mesura::Meta&) override { throw std::runtime_error(TEST_NAME); }
};

MESURA_PLUGIN(Meter, TEST_NAME, "1.0.0",
              "plugin: " TEST_NAME "\nversion: 1.0.0\nsummary: One of two\nlinks: [{name: data, transports: [tcp]}]\n")
