using System;

namespace RedisClusterOps.Lab;

/// <summary>The lab can't do what the user asked for. The message is for the user; it names the next step if there is one.</summary>
internal sealed class LabException(string message, Exception? innerException = null) : Exception(message, innerException);
