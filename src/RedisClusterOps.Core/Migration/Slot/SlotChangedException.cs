using System;

namespace RedisClusterOps.Migration.Slot;

/// <summary>The slot is not as the step expected: the cluster is to be read and planned again. Carries what to say when that does not help either.</summary>
internal sealed class SlotChangedException(RedisOperationException failure) : Exception(failure.Message, failure)
{
    public RedisOperationException Failure { get; } = failure;
}
