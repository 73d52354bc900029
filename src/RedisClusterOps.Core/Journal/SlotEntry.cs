namespace RedisClusterOps.Journal;

/// <summary>What is about to be done to a slot.</summary>
/// <param name="OwnerId">Who owned it before.</param>
/// <param name="Keys">Keys that were to move when it began; null where nobody counted. Of a line for many slots, of all of them together.</param>
internal sealed record SlotEntry(
    int Slot, MigrationOperation Operation, string? Strategy = null, string? SourceId = null, string? Source = null, string? TargetId = null, string? Target = null,
    string? OwnerId = null, long? Keys = null);
