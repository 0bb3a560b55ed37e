# Copyright 2026 the Mesura authors
# SPDX-License-Identifier: Apache-2.0
#
# `./dev package`: what `cmake --install` installs, as a Debian package whose dependencies dpkg-shlibdeps finds.
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/copyright" CONTENT "Copyright 2026 the Mesura authors
License: Apache-2.0; its text is in /usr/share/common-licenses/Apache-2.0 on Debian systems.
")
install(FILES "${PROJECT_BINARY_DIR}/copyright" "${PROJECT_SOURCE_DIR}/README.md" "${PROJECT_SOURCE_DIR}/CHANGELOG.md"
  DESTINATION "${CMAKE_INSTALL_DOCDIR}")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME mesura)
set(CPACK_PACKAGE_VENDOR "the Mesura authors")
set(CPACK_PACKAGE_CONTACT "the Mesura authors <authors@mesura.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Zones are read at run time, by no library that dpkg-shlibdeps could see.
set(CPACK_DEBIAN_PACKAGE_DEPENDS tzdata)
set(CPACK_PACKAGE_DESCRIPTION "Reads energy meters through device plugins, whatever they speak, and stores their
measurements. One YAML file says which meters, and where their measurements go.")
include(CPack)
