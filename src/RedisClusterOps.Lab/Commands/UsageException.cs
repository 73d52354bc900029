using System;

namespace RedisClusterOps.Lab.Commands;

/// <summary>The command can't run as it was given. Nothing was started or changed. The message names the next step.</summary>
internal sealed class UsageException(string message) : Exception(message);
