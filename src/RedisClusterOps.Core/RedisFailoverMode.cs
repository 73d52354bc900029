namespace RedisClusterOps;

/// <summary>How a replica is promoted.</summary>
public enum RedisFailoverMode
{
    /// <summary>
    /// Its master stops writes until the replica has received everything, then the masters vote. No write is lost. Needs a live master.
    /// </summary>
    Graceful,

    /// <summary>The masters vote at once. Writes that the replica has not received are lost. Needs a majority of the masters.</summary>
    Force,

    /// <summary>
    /// Without a vote. Writes that the replica has not received are lost. For a dead master, if no majority of the masters is left to vote.
    /// </summary>
    Takeover,
}
