using System;

namespace RedisClusterOps.Journal;

/// <summary>Reads operations from files.</summary>
internal static class MigrationOperationText
{
    /// <summary>The operation with this name. The number of a member is no name.</summary>
    public static MigrationOperation Parse(string? text) =>
        Enum.TryParse<MigrationOperation>(text, out var operation) && operation.ToString() == text ? operation : MigrationOperation.Unknown;
}
