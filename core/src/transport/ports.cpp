// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/ports.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>

namespace mesura::transport {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

/// KEY=VALUE lines, as the kernel writes them.
std::map<std::string, std::string> read_uevent(const fs::path& file) {
  std::map<std::string, std::string> out;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (const auto equals = line.find('='); equals != std::string::npos)
      out.emplace(line.substr(0, equals), line.substr(equals + 1));
  return out;
}

/// "0003:00000665:00005161" -> "0665:5161"
std::string usb_id_of(const std::string& hid_id) {
  if (hid_id.size() != 22) return {};
  std::string id = hid_id.substr(9, 4) + ":" + hid_id.substr(18, 4);
  std::transform(id.begin(), id.end(), id.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return id;
}

/// By node: the name under /dev/serial/by-id that leads to it.
std::map<std::string, std::string> lasting_names(const std::string& root) {
  std::map<std::string, std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root + "/dev/serial/by-id", error)) {
    const auto target = fs::weakly_canonical(entry.path(), error);
    if (!error) out.emplace(target.filename().string(), "/dev/serial/by-id/" + entry.path().filename().string());
  }
  return out;
}

/// The nearest directory above `device` that describes a USB device.
fs::path usb_device(fs::path device) {
  std::error_code error;
  device = fs::canonical(device, error);
  for (int up = 0; !error && up < 6 && device.has_relative_path(); ++up, device = device.parent_path())
    if (fs::exists(device / "idVendor", error)) return device;
  return {};
}

void add_names(Port& port, const fs::path& usb) {
  port.maker = first_line(usb / "manufacturer");
  port.serial = first_line(usb / "serial");
}

void add_serial(std::vector<Port>& ports, const std::string& root) {
  const auto lasting = lasting_names(root);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root + "/sys/class/tty", error)) {
    const std::string name = entry.path().filename().string();
    // Consoles and ptys have no device behind them; the 8250 driver lists ports that no machine has (type 0).
    if (!fs::exists(entry.path() / "device", error)) continue;
    if (name.rfind("ttyS", 0) == 0 && first_line(entry.path() / "type") == "0") continue;
    Port port;
    port.kind = "serial";
    port.node = port.path = "/dev/" + name;
    if (const auto found = lasting.find(name); found != lasting.end()) port.path = found->second;
    if (const fs::path usb = usb_device(entry.path() / "device"); !usb.empty()) {
      port.usb_id = first_line(usb / "idVendor") + ":" + first_line(usb / "idProduct");
      port.description = first_line(usb / "product");
      add_names(port, usb);
    }
    ports.push_back(std::move(port));
  }
}

void add_hid(std::vector<Port>& ports, const std::string& root) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root + "/sys/class/hidraw", error)) {
    auto facts = read_uevent(entry.path() / "device" / "uevent");
    Port port;
    port.kind = "hid";
    port.node = port.path = "/dev/" + entry.path().filename().string();
    port.description = facts["HID_NAME"];
    port.usb_id = usb_id_of(facts["HID_ID"]);
    if (const fs::path usb = usb_device(entry.path() / "device"); !usb.empty()) add_names(port, usb);
    ports.push_back(std::move(port));
  }
}

}  // namespace

std::vector<Port> list_ports(const std::string& root) {
  std::vector<Port> ports;
  add_serial(ports, root);
  add_hid(ports, root);
  for (auto& port : ports) port.readable = ::access((root + port.node).c_str(), R_OK | W_OK) == 0;
  std::sort(ports.begin(), ports.end(), [](const Port& a, const Port& b) { return a.node < b.node; });
  return ports;
}

}  // namespace mesura::transport
