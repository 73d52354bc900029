namespace RedisClusterOps;

/// <summary>How the keys that have moved already come back.</summary>
public enum UndoStrategy
{
    /// <summary>Finish forward, then migrate the whole slot back. No read fails at any time; every key is moved once or twice.</summary>
    RoundTrip,

    /// <summary>
    /// Close the source and pull back what has moved. Fewer keys are moved, but from the moment the source is closed until a key is
    /// back, clients read it as missing, and a client that writes it meanwhile makes a second copy.
    /// </summary>
    PullBack,
}
