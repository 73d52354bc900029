using System.Security;

namespace System.Management.Automation;

public enum ActionPreference
{
    SilentlyContinue = 0,
    Stop = 1,
    Continue = 2,
    Inquire = 3,
    Ignore = 4,
}

// In the order of the engine: the numbers are compiled into the cmdlets.
public enum ErrorCategory
{
    NotSpecified = 0,
    OpenError,
    CloseError,
    DeviceError,
    DeadlockDetected,
    InvalidArgument,
    InvalidData,
    InvalidOperation,
    InvalidResult,
    InvalidType,
    MetadataError,
    NotImplemented,
    NotInstalled,
    ObjectNotFound,
    OperationStopped,
    OperationTimeout,
    SyntaxError,
    ParserError,
    PermissionDenied,
    ResourceBusy,
    ResourceExists,
    ResourceUnavailable,
    ReadError,
    WriteError,
    FromStdErr,
    SecurityError,
    ProtocolError,
    ConnectionError,
    AuthenticationError,
    LimitsExceeded,
    QuotaExceeded,
    NotEnabled,
}

public sealed class ErrorCategoryInfo(ErrorCategory category)
{
    public ErrorCategory Category { get; } = category;
}

public class ErrorDetails(string message)
{
    public string Message { get; } = message;

    public string? RecommendedAction { get; set; }

    public override string ToString() => Message;
}

public class ErrorRecord(Exception exception, string errorId, ErrorCategory errorCategory, object? targetObject)
{
    public Exception Exception { get; } = exception;

    /// <summary>The engine adds a comma and the cmdlet's class.</summary>
    public string FullyQualifiedErrorId { get; } = errorId;

    public ErrorCategoryInfo CategoryInfo { get; } = new(errorCategory);

    public object? TargetObject { get; } = targetObject;

    public ErrorDetails? ErrorDetails { get; set; }

    public override string ToString() => ErrorDetails?.Message ?? Exception.Message;
}

public enum ProgressRecordType
{
    Processing,
    Completed,
}

public class ProgressRecord(int activityId, string activity, string statusDescription)
{
    public int ActivityId { get; } = activityId;

    public string Activity { get; } = activity;

    public string StatusDescription { get; } = statusDescription;

    public int ParentActivityId { get; set; } = -1;

    public int PercentComplete { get; set; } = -1;

    public int SecondsRemaining { get; set; } = -1;

    public ProgressRecordType RecordType { get; set; }
}

public sealed class PSCredential(string userName, SecureString password)
{
    public string UserName { get; } = userName;

    public SecureString Password { get; } = password;
}

public class PSObject(object value)
{
    public object BaseObject { get; } = value;

    public override string ToString() => BaseObject.ToString() ?? string.Empty;
}

public readonly struct SwitchParameter(bool isPresent)
{
    public bool IsPresent { get; } = isPresent;

    public static implicit operator bool(SwitchParameter switchParameter) => switchParameter.IsPresent;

    public static implicit operator SwitchParameter(bool value) => new(value);

    public bool ToBool() => IsPresent;
}

public class RuntimeException(string message) : Exception(message);

public class PipelineStoppedException() : RuntimeException("The pipeline was stopped.");

/// <summary>What the stand-in throws where the engine would refuse to bind.</summary>
public class ParameterBindingException(string errorId, string message) : RuntimeException(message)
{
    public string ErrorId { get; } = errorId;
}
