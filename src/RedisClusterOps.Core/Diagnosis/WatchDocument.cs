using System.Runtime.Serialization;

namespace RedisClusterOps.Diagnosis;

/// <summary>What a watcher remembers, as its file has it: text and numbers only, no member that could hold an object, hence no type name is ever looked up.</summary>
[DataContract(Name = "watch", Namespace = "")]
internal sealed class WatchDocument
{
    public const int CurrentVersion = 1;

    [DataMember(Name = "version", Order = 0, IsRequired = true)]
    public int Version { get; set; }

    [DataMember(Name = "writtenAt", Order = 1)]
    public string? WrittenAt { get; set; }

    /// <summary>Whose memory it is.</summary>
    [DataMember(Name = "nodeIds", Order = 2)]
    public string[]? NodeIds { get; set; }

    [DataMember(Name = "seen", Order = 3)]
    public WatchedTrouble[]? Seen { get; set; }
}

/// <summary>One trouble.</summary>
[DataContract(Name = "trouble", Namespace = "")]
internal sealed class WatchedTrouble
{
    [DataMember(Name = "code", Order = 0)]
    public string? Code { get; set; }

    [DataMember(Name = "target", Order = 1)]
    public string? Target { get; set; }

    [DataMember(Name = "first", Order = 2)]
    public string? First { get; set; }

    [DataMember(Name = "last", Order = 3)]
    public string? Last { get; set; }

    [DataMember(Name = "changed", Order = 4, EmitDefaultValue = false)]
    public string? Changed { get; set; }

    [DataMember(Name = "keysLeft", Order = 5, EmitDefaultValue = false)]
    public long? KeysLeft { get; set; }

    [DataMember(Name = "state", Order = 6, EmitDefaultValue = false)]
    public string? State { get; set; }

    [DataMember(Name = "sourceId", Order = 7, EmitDefaultValue = false)]
    public string? SourceId { get; set; }

    [DataMember(Name = "targetId", Order = 8, EmitDefaultValue = false)]
    public string? TargetId { get; set; }
}
