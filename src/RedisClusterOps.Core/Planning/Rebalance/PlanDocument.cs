using System.Runtime.Serialization;

namespace RedisClusterOps.Planning.Rebalance;

/// <summary>The content of a plan file: text and numbers only. No member can hold any object, so no type name is ever looked up.</summary>
[DataContract(Name = "plan", Namespace = "")]
internal sealed class PlanDocument
{
    public const int CurrentVersion = 1;

    [DataMember(Name = "version", Order = 0, IsRequired = true)]
    public int Version { get; set; }

    [DataMember(Name = "operation", Order = 1)]
    public string? Operation { get; set; }

    [DataMember(Name = "createdAt", Order = 2)]
    public string? CreatedAt { get; set; }

    /// <summary>Endpoints to connect to, without user and password.</summary>
    [DataMember(Name = "cluster", Order = 3, EmitDefaultValue = false)]
    public string[]? Seeds { get; set; }

    [DataMember(Name = "fingerprint", Order = 4)]
    public string? Fingerprint { get; set; }

    [DataMember(Name = "options", Order = 5, EmitDefaultValue = false)]
    public PlanOptions? Options { get; set; }

    [DataMember(Name = "moves", Order = 6)]
    public PlanMove[]? Moves { get; set; }

    [DataMember(Name = "before", Order = 7)]
    public PlanShare[]? Before { get; set; }

    [DataMember(Name = "after", Order = 8)]
    public PlanShare[]? After { get; set; }

    [DataMember(Name = "findings", Order = 9, EmitDefaultValue = false)]
    public PlanNote[]? Findings { get; set; }
}

/// <summary>The options that the plan was made with.</summary>
[DataContract(Name = "options", Namespace = "")]
internal sealed class PlanOptions
{
    [DataMember(Name = "by", Order = 0)]
    public string? By { get; set; }

    [DataMember(Name = "threshold", Order = 1)]
    public double Threshold { get; set; }

    [DataMember(Name = "useEmptyMaster", Order = 2)]
    public bool UseEmptyMaster { get; set; }

    [DataMember(Name = "weights", Order = 3)]
    public PlanWeight[]? Weights { get; set; }

    [DataMember(Name = "exclude", Order = 4, EmitDefaultValue = false)]
    public string[]? Exclude { get; set; }

    [DataMember(Name = "maxSlots", Order = 5, EmitDefaultValue = false)]
    public int MaxSlots { get; set; }
}

/// <summary>A weight that the user specified.</summary>
[DataContract(Name = "weight", Namespace = "")]
internal sealed class PlanWeight
{
    [DataMember(Name = "node", Order = 0)]
    public string? Node { get; set; }

    [DataMember(Name = "weight", Order = 1)]
    public double Weight { get; set; }
}

/// <summary>Slots that move from one master to another.</summary>
[DataContract(Name = "move", Namespace = "")]
internal sealed class PlanMove
{
    [DataMember(Name = "source", Order = 0)]
    public string? Source { get; set; }

    [DataMember(Name = "sourceId", Order = 1)]
    public string? SourceId { get; set; }

    [DataMember(Name = "target", Order = 2)]
    public string? Target { get; set; }

    [DataMember(Name = "targetId", Order = 3)]
    public string? TargetId { get; set; }

    /// <summary>Ranges separated by commas: <c>0-99,200</c>.</summary>
    [DataMember(Name = "slots", Order = 4)]
    public string? Slots { get; set; }

    [DataMember(Name = "estimatedKeys", Order = 5, EmitDefaultValue = false)]
    public long? EstimatedKeys { get; set; }

    [DataMember(Name = "estimatedBytes", Order = 6, EmitDefaultValue = false)]
    public long? EstimatedBytes { get; set; }

    [DataMember(Name = "method", Order = 7)]
    public string? Method { get; set; }
}

/// <summary>The share of one master.</summary>
[DataContract(Name = "share", Namespace = "")]
internal sealed class PlanShare
{
    [DataMember(Name = "node", Order = 0)]
    public string? Node { get; set; }

    [DataMember(Name = "id", Order = 1)]
    public string? Id { get; set; }

    [DataMember(Name = "slots", Order = 2)]
    public string? Slots { get; set; }

    [DataMember(Name = "keys", Order = 3, EmitDefaultValue = false)]
    public long? Keys { get; set; }

    [DataMember(Name = "bytes", Order = 4, EmitDefaultValue = false)]
    public long? Bytes { get; set; }

    [DataMember(Name = "weight", Order = 5, EmitDefaultValue = false)]
    public double? Weight { get; set; }

    [DataMember(Name = "share", Order = 6)]
    public double Share { get; set; }

    [DataMember(Name = "load", Order = 7, EmitDefaultValue = false)]
    public long? Load { get; set; }
}

/// <summary>A finding: something to know before the plan is carried out.</summary>
[DataContract(Name = "finding", Namespace = "")]
internal sealed class PlanNote
{
    [DataMember(Name = "code", Order = 0)]
    public string? Code { get; set; }

    [DataMember(Name = "severity", Order = 1)]
    public string? Severity { get; set; }

    [DataMember(Name = "target", Order = 2)]
    public string? Target { get; set; }

    [DataMember(Name = "message", Order = 3)]
    public string? Message { get; set; }

    [DataMember(Name = "advice", Order = 4, EmitDefaultValue = false)]
    public string? Advice { get; set; }
}
