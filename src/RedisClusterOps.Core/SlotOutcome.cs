namespace RedisClusterOps;

/// <summary>What became of a slot, and the failure where it was one.</summary>
/// <param name="Result">The result, also of a failure: what had been done by then stands in it.</param>
/// <param name="Failure">Why it failed; null where it did not.</param>
public sealed record SlotOutcome(RedisSlotMigrationResult Result, RedisOperationException? Failure);

/// <summary>What became of a move of keys, and the failure where it was one.</summary>
/// <param name="Result">The result, also of a failure: what had been moved by then stands in it.</param>
/// <param name="Failure">Why it failed; null where it did not.</param>
public sealed record KeyMoveOutcome(RedisKeyMove Result, RedisOperationException? Failure);
