namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>In what the servers differ, as far as an open slot is concerned. Held against the real servers by the command scripts.</summary>
/// <param name="Name">The server that is meant, as the real-server tests name it.</param>
/// <param name="Info">What its INFO tells of engine and version.</param>
internal sealed record ServerRules(string Name, string Info)
{
    /// <summary>Keys of a slot that a node neither owns nor imports are there, but not counted, not listed, not served (Redis 8.4).</summary>
    public bool HidesForeignKeys { get; init; }

    /// <summary>STABLE on an importing node deletes what it has imported.</summary>
    public bool StableDeletesImported { get; init; }

    /// <summary>DELSLOTS deletes the slot's keys.</summary>
    public bool DropDeletesKeys { get; init; }

    /// <summary>SETSLOT goes to the replicas first, so flags outlive a failover on both ends, and empty shards fail over (Valkey 8).</summary>
    public bool FlagsAreReplicated { get; init; }

    /// <summary>An importing target takes the slot by itself when the source does not claim it any more (Valkey 8).</summary>
    public bool ImporterClaimsWhatIsGivenUp { get; init; }

    /// <summary>A master that starts deletes keys of slots that are another's (Valkey 8); others import them.</summary>
    public bool StartDeletesForeignKeys { get; init; }

    /// <summary>How many databases hold keys in cluster mode (Valkey 9).</summary>
    public int Databases { get; init; } = 1;

    public static ServerRules Redis70 { get; } = new("redis-7.0", "redis_version:7.0.15\r\n");

    public static ServerRules Redis86 { get; } = new("redis-8.6", "redis_version:8.6.3\r\n") { HidesForeignKeys = true };

    /// <summary>The worst that could become of hidden keys: nobody promises that a server keeps what it does not own.</summary>
    public static ServerRules Redis86Deleting { get; } = Redis86 with { Name = "redis-8.6, deleting", StableDeletesImported = true, DropDeletesKeys = true };

    public static ServerRules Valkey91 { get; } = new("valkey-9.1", "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n")
    {
        FlagsAreReplicated = true, ImporterClaimsWhatIsGivenUp = true, StartDeletesForeignKeys = true,
    };

    public static ServerRules Valkey91WithDatabases { get; } = Valkey91 with { Name = "valkey-9.1, 2 databases", Databases = 2 };

    public static ServerRules[] All { get; } = [Redis70, Redis86, Redis86Deleting, Valkey91, Valkey91WithDatabases];

    public override string ToString() => Name;
}
