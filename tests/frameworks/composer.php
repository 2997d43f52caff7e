<?php
// Debian installs nothing with Composer, whose list of packages Symfony asks for since 6.

namespace Composer;

class InstalledVersions
{
    public static function isInstalled(string $package, bool $withDevelopment = true): bool
    {
        return false;
    }
}
