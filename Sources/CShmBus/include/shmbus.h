#ifndef SHMBUS_H
#define SHMBUS_H

#include "shmbus_layout.h"
#include "shmbus_mappings.h"
#include "shmbus_memory.h"
#include "shmbus_system.h"

#endif
