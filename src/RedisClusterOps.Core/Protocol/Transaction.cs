namespace RedisClusterOps.Protocol;

/// <summary>A transaction: the commands between MULTI and EXEC run without any other in between, or not at all.</summary>
internal static class Transaction
{
    public static RespCommand Begin { get; } = RespCommand.Of("MULTI");

    public static RespCommand Execute { get; } = RespCommand.Of("EXEC");

    /// <summary>Ends the transaction where EXEC is renamed or forbidden. After an EXEC it does nothing.</summary>
    public static RespCommand Discard { get; } = RespCommand.Of("DISCARD");

    /// <summary>True if the reply to EXEC is the replies of the commands.</summary>
    public static bool IsExecuted(RespValue reply) => reply is { Kind: RespKind.Array, IsNull: false };
}
