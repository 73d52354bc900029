using System;

namespace RedisClusterOps.Lab;

/// <summary>The lab can't do what was asked. The message is for the person who asked and names the next step.</summary>
internal sealed class LabException(string message, Exception? innerException = null) : Exception(message, innerException);
