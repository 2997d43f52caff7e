<?php

declare(strict_types=1);

namespace RustRedis\Laravel;

/** session.rustredis.locking */
enum Locking: string
{
    /** Each request has its session for itself. */
    case Always = 'always';
    /** Only the requests of routes with block() have. */
    case Routes = 'routes';
    /** No request has. */
    case Never = 'never';
}
