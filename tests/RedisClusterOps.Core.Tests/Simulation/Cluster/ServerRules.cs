namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>The differences between servers for open slots. The command scripts check them on real servers.</summary>
/// <param name="Name">The name of the server in the tests on real servers.</param>
/// <param name="Info">The engine and version in its INFO.</param>
internal sealed record ServerRules(string Name, string Info)
{
    /// <summary>Keys of a slot that a node neither owns nor imports exist but are not counted, listed or served (Redis 8.4).</summary>
    public bool HidesForeignKeys { get; init; }

    /// <summary>STABLE on an importing node deletes the imported keys.</summary>
    public bool StableDeletesImported { get; init; }

    /// <summary>DELSLOTS deletes the keys of the slot.</summary>
    public bool DropDeletesKeys { get; init; }

    /// <summary>SETSLOT is replicated first, so flags survive a failover of both ends, and empty shards fail over (Valkey 8).</summary>
    public bool FlagsAreReplicated { get; init; }

    /// <summary>An importing target takes over the slot when the source no longer claims it (Valkey 8).</summary>
    public bool ImporterClaimsWhatIsGivenUp { get; init; }

    /// <summary>
    /// A slot that its owner did not claim in one message stays open to any claim, also after another node was made its owner (Redis 7.0,
    /// and 7.2 before 7.2.4). No command script can check it, since it takes a late message: read in src/cluster.c, and met on Redis 7.0.15
    /// in an undo of many slots.
    /// </summary>
    public bool DoubtOutlivesOwner { get; init; }

    /// <summary>A starting master deletes the keys of slots that another node owns (Valkey 8). Other servers import those slots.</summary>
    public bool StartDeletesForeignKeys { get; init; }

    /// <summary>A node that forgets another announces it, and the others forget it too (Redis 7.2).</summary>
    public bool ForgetSpreads { get; init; }

    /// <summary>The number of databases in cluster mode (Valkey 9).</summary>
    public int Databases { get; init; } = 1;

    public static ServerRules Redis70 { get; } = new("redis-7.0", "redis_version:7.0.15\r\n") { DoubtOutlivesOwner = true };

    public static ServerRules Redis86 { get; } =
        new("redis-8.6", "redis_version:8.6.3\r\n") { HidesForeignKeys = true, ForgetSpreads = true };

    /// <summary>The worst case for hidden keys: no server guarantees to keep the keys of a slot that it does not own.</summary>
    public static ServerRules Redis86Deleting { get; } =
        Redis86 with { Name = "redis-8.6, deleting", StableDeletesImported = true, DropDeletesKeys = true };

    public static ServerRules Valkey91 { get; } = new("valkey-9.1", "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n")
    {
        FlagsAreReplicated = true,
        ImporterClaimsWhatIsGivenUp = true,
        StartDeletesForeignKeys = true,
        ForgetSpreads = true,
    };

    public static ServerRules Valkey91WithDatabases { get; } = Valkey91 with { Name = "valkey-9.1, 2 databases", Databases = 2 };

    public static ServerRules[] All { get; } = [Redis70, Redis86, Redis86Deleting, Valkey91, Valkey91WithDatabases];

    public override string ToString() => Name;
}
